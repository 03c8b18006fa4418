# SPDX-License-Identifier: Apache-2.0
"""Scales by axis or by block where they aren't those of constant weights: piece by piece.

A computed tensor has one scale.  So what has several is cut into pieces of one scale each, and put
together again afterwards: codes with scale 1, real numbers as a rearrangement that waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.frontends.axes import normalized
from intaglio.frontends.onnx.meanings import FloatInput, Moved, Quantized, Real, Shape
from intaglio.frontends.onnx.moving import rearrange
from intaglio.frontends.onnx.parameters import quantization
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

MOST_PIECES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A scale and a zero point for each piece of a tensor.

    Attributes:
        scales: one for each piece; as many axes as the tensor.
        zero_points: of the same shape.
        spans: how many elements a piece has along each axis; the last may have fewer.
    """

    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    spans: Shape

    def at(self, index: Shape) -> Quantization:
        """Scale and zero point of one piece."""
        scale = Float32.from_value(float(self.scales[index]))
        return Quantization((scale,), (int(self.zero_points[index]),))

    def quantization(self, shape: Shape) -> Quantization | None:
        """The same by axis or for the whole tensor, None where blocks differ otherwise."""
        scales, zero_points = self.scales, self.zero_points
        for axis in range(len(shape)):
            first = (scales.take([0], axis), zero_points.take([0], axis))
            if (scales == first[0]).all() and (zero_points == first[1]).all():
                scales, zero_points = first
        wide = [axis for axis, extent in enumerate(scales.shape) if extent > 1]
        if len(wide) > 1 or any(scales.shape[axis] != shape[axis] for axis in wide):
            return None
        found = tuple(Float32.from_value(float(scale)) for scale in scales.ravel())
        zeros = tuple(int(zero) for zero in zero_points.ravel())
        return Quantization(found, zeros, wide[0] if wide else None)


def grid_by_axis(parameters: Quantization, shape: Shape) -> Grid:
    """Scales along one axis as pieces of one index each."""
    axis = parameters.axis or 0
    extents = tuple(n if i == axis else 1 for i, n in enumerate(shape))
    channels = [parameters.channel(index) for index in range(shape[axis])]
    scales = np.array([scale.value for scale, _ in channels], np.float32)
    zeros = np.array([zero for _, zero in channels], np.int64)
    spans = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return Grid(scales.reshape(extents), zeros.reshape(extents), spans)


def grid_by_block(
    scale: Array, zero_point: Array | None, axis: int, size: int, shape: Shape, element: IntType
) -> Grid:
    """Scales for each ``size`` elements along ``axis``, and each index of the other axes.

    Raises:
        Refusal: their shape doesn't fit the tensor, a scale isn't positive, a zero point no code.
    """
    axis = normalized(axis, len(shape))
    if size < 1:
        raise Refusal(f"block_size is {size}; a positive number is expected")
    expected = tuple(-(-n // size) if i == axis else n for i, n in enumerate(shape))
    zeros = np.zeros(scale.shape, np.int64) if zero_point is None else zero_point.astype(np.int64)
    if scale.shape != expected or zeros.shape != expected:
        raise Refusal(
            f"its scale has the shape {scale.shape} and its zero point {zeros.shape}; {expected} "
            f"is expected for blocks of {size} along axis {axis}"
        )
    count = prod(expected)
    quantization(scale.reshape(-1), zeros.reshape(-1), 0, (count,), element)
    spans = tuple(size if i == axis else 1 for i in range(len(shape)))
    return Grid(scale.astype(np.float32), zeros, spans)


def piece_by_piece(
    site: Site, value: Real, grid: Grid, convert: Callable[[Real, Quantization], Quantized]
) -> Real:
    """``value`` in pieces of one scale each, every one converted, together again.

    Raises:
        Refusal: there are too many.
    """
    pieces = grid.scales.size
    if pieces > MOST_PIECES:
        raise Refusal(
            f"has {pieces} scales for a tensor that isn't constant; at most {MOST_PIECES} are "
            "expected"
        )
    return _converted(site, value, grid, convert, ())


def _converted(
    site: Site,
    value: Real,
    grid: Grid,
    convert: Callable[[Real, Quantization], Quantized],
    index: Shape,
) -> Real:
    axis = len(index)
    if axis == grid.scales.ndim:
        return convert(value, grid.at(index))
    count, span, shape = grid.scales.shape[axis], grid.spans[axis], value.shape
    if count == 1:
        return _converted(site, value, grid, convert, (*index, 0))
    parts: list[Real] = []
    for position in range(count):
        start = position * span
        length = min(span, shape[axis] - start)
        piece = _cut(site, value, axis, start, length)
        parts.append(_converted(site, piece, grid, convert, (*index, position)))
    whole = Moved(
        scaled.Concat(axis),
        tuple(parts),
        shape,
        site.source,
        site.name,
        site.label,
        suffix=".whole",
    )
    return rearrange(site.emitter, whole)


def _cut(site: Site, value: Real, axis: int, start: int, length: int) -> Real:
    rank = len(value.shape)
    shape = tuple(length if i == axis else n for i, n in enumerate(value.shape))
    op = scaled.Slice(tuple(start if i == axis else 0 for i in range(rank)), (1,) * rank)
    if isinstance(value, FloatInput):
        type = TensorType(FLOAT32, shape)
        name = site.emitter.rearranged(f"{value.name}.piece", type, op, (value.name,), site.name)
        return FloatInput(name, shape, value.source)
    return site.move(op, value, shape, ".piece")
