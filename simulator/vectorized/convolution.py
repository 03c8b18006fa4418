# SPDX-License-Identifier: Apache-2.0
"""Convolutions: blocks of windows times a matrix, or a tap at a time where they are depthwise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.depthwise import DepthwiseTaps
from intaglio.simulator.vectorized.exact_sum import ExactSum
from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.ordered import OrderedChannels, ordered_word, prove_ordered
from intaglio.simulator.vectorized.prepared import Epilogue, Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import (
    OBJECT,
    Array,
    Word,
    centred,
    exact_integers,
    integer_word,
)

BLOCK = 1 << 16
"""Elements of the widest array of a block: what it touches stays in a core's caches."""

FEWEST_ROWS = 192
"""Rows of a matrix product below which re-reading the weights for each block would dominate."""


@dataclass(frozen=True, slots=True)
class MatrixTaps:
    """All taps at once: windows laid out as rows, times the weights of each group."""

    geometry: Geometry
    matrices: Array
    """``[groups, kh * kw * C / groups, O / groups]``"""

    @staticmethod
    def lay_out(geometry: Geometry, weights: Array, groups: int) -> "MatrixTaps":
        """From weights ``[kh, kw, C / groups, O]``."""
        parted = weights.reshape(-1, groups, weights.shape[-1] // groups)
        return MatrixTaps(geometry, np.ascontiguousarray(parted.transpose(1, 0, 2)))

    @property
    def row_elements(self) -> int:
        """Elements of the widest array for one window."""
        groups, depth, outputs = self.matrices.shape
        return int(groups) * max(int(depth), int(outputs))

    def sums(self, plane: Array, rows: int) -> Array:
        """``[rows, columns, O]``."""
        groups, depth, outputs = self.matrices.shape
        windows = self.geometry.windows(plane, rows)
        count = rows * self.geometry.extent[1]
        if groups == 1:
            result: Array = windows.reshape(count, depth) @ self.matrices[0]
        else:
            parted = windows.reshape(count, -1, groups, plane.shape[2] // groups)
            stacked = parted.transpose(2, 0, 1, 3).reshape(groups, count, depth)
            result = np.moveaxis(stacked @ self.matrices, 0, 1)
        return result.reshape(rows, self.geometry.extent[1], groups * outputs)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with constant weights.

    Attributes:
        geometry: where the windows lie.
        sum: the proved sum.
        taps: how its products are computed.
        fill: the code of padded elements.
        ordered: the channels that may saturate within their sum.
    """

    geometry: Geometry
    sum: ExactSum
    taps: MatrixTaps | DepthwiseTaps
    fill: int
    ordered: OrderedChannels | None

    def __call__(self, x: Array, epilogue: Epilogue, dtype: Word) -> Array:
        """The epilogue of the accumulators ``[N, rows, columns, O]``."""
        rows, columns = self.geometry.extent
        y = np.empty((x.shape[0], rows, columns, self.sum.weights.shape[-1]), dtype=dtype)
        step = self._block_rows()
        for image, result in zip(x, y, strict=True):
            for first in range(0, rows, step):
                block = min(step, rows - first)
                result[first : first + block] = epilogue(self._block(image, first, block))
        return y

    def _block(self, image: Array, first: int, rows: int) -> Array:
        proved = self.sum
        fill = self.fill - proved.offset
        plane = self.geometry.plane(image, first, rows, proved.word, proved.offset, fill)
        accumulators = proved.finish(self.taps.sums(plane, rows))
        if self.ordered is not None:
            self.ordered.overwrite(accumulators, image, self.geometry, first, self.fill)
        return accumulators

    def _block_rows(self) -> int:
        columns = max(self.geometry.extent[1], 1)
        wanted = max(BLOCK // (columns * self.taps.row_elements), -(-FEWEST_ROWS // columns))
        return max(1, wanted)

    @property
    def interval(self) -> Interval:
        """Where every accumulator lies."""
        return self.sum.interval if self.ordered is None else self.sum.accumulator.type.interval


def prepare_conv2d(op: Conv2d, operands: Sequence[Operand], shape: tuple[int, ...]) -> Prepared:
    """``Conv2d`` whose result has ``shape``."""
    x, weights = operands[0], operands[1]
    reached = x.interval
    if any(op.pads):
        reached = reached.hull(Interval(op.pad_value, op.pad_value))
    geometry = Geometry(
        kernel=(weights.type.shape[1], weights.type.shape[2]),
        strides=op.strides,
        dilations=op.dilations,
        origin=(op.pads[0], op.pads[1]),
        extent=(shape[1], shape[2]),
    )
    build = partial(_convolution, op, geometry, reached, weights.type.integer)
    return _prepared(build, operands, op.accumulator, lambda x: x)


def prepare_conv_transpose2d(
    op: ConvTranspose2d, operands: Sequence[Operand], shape: tuple[int, ...]
) -> Prepared:
    """``ConvTranspose2d`` whose result has ``shape``.

    It is the convolution, by mirrored taps, of x with zeros between its elements: a zero adds
    nothing, in whatever order sums saturate.
    """
    x, weights = operands[0], operands[1]
    zero_point = op.input_zero_point
    kernel = (weights.type.shape[1], weights.type.shape[2])
    reach = [(taps - 1) * step for taps, step in zip(kernel, op.dilations, strict=True)]
    geometry = Geometry(
        kernel=kernel,
        strides=(1, 1),
        dilations=op.dilations,
        origin=(reach[0] - op.pads[0], reach[1] - op.pads[1]),
        extent=(shape[1], shape[2]),
        mirrored=True,
    )
    plain = Conv2d(
        accumulator=op.accumulator, groups=op.groups, weight_zero_points=op.weight_zero_points
    )
    differences = x.interval - Interval(zero_point, zero_point)
    reached = differences.hull(Interval(0, 0))
    word = integer_word(Interval.hull_of((reached, x.interval, zero_point)))

    def spaced(x: Array) -> Array:
        rows, columns = ((n - 1) * s + 1 for n, s in zip(x.shape[1:3], op.strides, strict=True))
        y = np.zeros((x.shape[0], rows, columns, x.shape[3]), dtype=word)
        y[:, :: op.strides[0], :: op.strides[1]] = centred(x, zero_point, word)
        return y

    build = partial(_convolution, plain, geometry, reached, weights.type.integer)
    return _prepared(build, operands, op.accumulator, spaced)


def _convolution(
    op: Conv2d, geometry: Geometry, x: Interval, type: IntType, weights: Array, bias: Array | None
) -> Convolution:
    """Prove the sums of a convolution; weights ``[O, kh, kw, C / groups]`` are of ``type``."""
    zero_points = np.array(op.weight_zero_points, dtype=OBJECT)
    kernels = exact_integers(weights, type).transpose(1, 2, 3, 0)
    kernels = kernels - zero_points.astype(kernels.dtype)
    biases = None if bias is None else bias.astype(OBJECT)
    proved, unproved = prove_ordered(x, op.input_zero_point, kernels, biases, op.accumulator)
    taps: MatrixTaps | DepthwiseTaps
    if op.groups > 1 and weights.shape[3] == 1:
        taps = DepthwiseTaps.lay_out(geometry, proved.weights[:, :, 0], op.groups)
    else:
        taps = MatrixTaps.lay_out(geometry, proved.weights, op.groups)
    ordered = None
    if unproved:
        ordered = OrderedChannels(
            channels=unproved,
            weights=kernels,
            groups=op.groups,
            bias=biases,
            zero_point=op.input_zero_point,
            word=ordered_word(x, op.input_zero_point, kernels, biases, op.accumulator),
            accumulator=op.accumulator,
        )
    return Convolution(geometry, proved, taps, op.pad_value, ordered)


def _prepared(
    build: Callable[[Array, Array | None], Convolution],
    operands: Sequence[Operand],
    accumulator: Accumulator,
    before: Callable[[Array], Array],
) -> Prepared:
    """Prove now where weights and bias are constant, else with each run's weights."""
    parameters = [operand.constant for operand in operands[1:]]
    weights, bias = parameters[0], parameters[1] if len(parameters) > 1 else None
    known: Convolution | None = None
    if weights is not None and len(parameters) == (1 if bias is None else 2):
        known = build(weights, bias)

    def fused(arrays: Operands, epilogue: Epilogue, dtype: Word) -> Array:
        conv = known or build(arrays[1], arrays[2] if len(arrays) > 2 else None)
        return conv(before(arrays[0]), epilogue, dtype)

    return Prepared(
        compute=lambda arrays: fused(arrays, lambda block: block, accumulator.type.dtype),
        interval=accumulator.type.interval if known is None else known.interval,
        fused=fused,
    )
