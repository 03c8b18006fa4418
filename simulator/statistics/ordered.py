# SPDX-License-Identifier: Apache-2.0
"""Sums to which every addition matters, added term by term and counted, in whole arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.statistics.tallies import SumTally, Tallied
from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.ordered import ordered_word
from intaglio.simulator.vectorized.prepared import Operand
from intaglio.simulator.vectorized.term_sums import held, term_sums
from intaglio.simulator.vectorized.words import OBJECT, Array, Word, exact_integers

BLOCK = 1 << 15
"""Sums that are added side by side: what they touch stays in a core's caches."""


@dataclass(frozen=True, slots=True)
class OrderedSums:
    """Channels of a convolution, or of a matrix product as one of a single tap.

    Attributes:
        channels: which.
        weights: ``[kh, kw, C / groups, channels]`` without zero points, in ``word``.
        starts: the first input channel of each.
        bias: of each, in ``word``.
        geometry: where the windows lie.
        zero_point: of x.
        fill: the code of padded elements.
        word: the integers to add in.
        accumulator: where sums are kept.
    """

    channels: NDArray[np.intp]
    weights: Array
    starts: NDArray[np.intp]
    bias: Array
    geometry: Geometry
    zero_point: int
    fill: int
    word: Word
    accumulator: Accumulator

    def overwrite(self, kept: Array, x: Array, tally: SumTally) -> None:
        """Replace these channels of the results ``[N, rows, columns, O]``, counted."""
        rows, columns = self.geometry.extent
        step = max(1, BLOCK // max(columns * len(self.channels), 1))
        for image, result in zip(x, kept, strict=True):
            for first in range(0, rows, step):
                count = min(step, rows - first)
                sums = self._block(image, first, count, tally)
                result[first : first + count, :, self.channels] = sums

    def _block(self, image: Array, first: int, rows: int, tally: SumTally) -> Array:
        fill = self.fill - self.zero_point
        plane = self.geometry.plane(image, first, rows, self.word, self.zero_point, fill)
        windows = self.geometry.windows(plane, rows)
        terms = (
            windows[:, :, r, s, self.starts + c] * self.weights[r, s, c]
            for r, s, c in np.ndindex(*self.weights.shape[:3])
        )
        registers, accumulators = _Counter(len(self.channels)), _Counter(len(self.channels))
        sums = term_sums(terms, self.bias, self.accumulator, registers, accumulators)
        tally.registers[self.channels] += registers.counts
        if accumulators.left is not None:
            flags = np.broadcast_to(accumulators.left, sums.shape)
            tally.overflows[self.channels] += flags.sum(axis=(0, 1))
        if self.accumulator.overflow.ordered:
            # The bias as the first value is held once for all sums of a block.
            tally.additions[self.channels] += accumulators.counts_over(sums.shape)
        return sums


class _Counter:
    """Holds sums, and counts those that leave their type."""

    def __init__(self, channels: int) -> None:
        self.counts: Tallied = np.zeros(channels, np.int64)
        self.left: NDArray[np.bool_] | None = None
        self._shared: Tallied = np.zeros(channels, np.int64)

    def __call__(self, total: Array, type: IntType, overflow: Overflow) -> Array:
        left: NDArray[np.bool_] = ((total < type.minimum) | (total > type.maximum)).astype(bool)
        if left.any():
            if left.ndim == 1:
                self._shared += left
            else:
                self.counts += left.sum(axis=(0, 1))
            self.left = left if self.left is None else self.left | left
        return held(total, type, overflow)

    def counts_over(self, shape: tuple[int, ...]) -> Tallied:
        """Of all sums of a block; what one holds for all of them counts for each."""
        return self.counts + self._shared * (shape[0] * shape[1])


def ordered_sums(
    node: Node, op: AccumulateOp, operands: Sequence[Operand], channels: Sequence[int]
) -> OrderedSums | None:
    """Made ready; None where weights or bias are computed, and for other kinds of sums."""
    if not isinstance(op, fixed.Conv2d | fixed.MatMul):
        return None
    constant = operands[1].constant
    given = operands[2].constant if len(operands) > 2 else None
    if constant is None or constant.ndim == 3 or (len(operands) > 2 and given is None):
        return None
    exact = exact_integers(constant, operands[1].type.integer)
    x = operands[0].interval
    if isinstance(op, fixed.Conv2d):
        kernels = exact.transpose(1, 2, 3, 0)
        zero_points, zero_point, fill = op.weight_zero_points, op.input_zero_point, op.pad_value
        groups = op.groups
        origin, extent = (op.pads[0], op.pads[1]), (node.type.shape[1], node.type.shape[2])
        x = x | Interval(fill, fill) if any(op.pads) else x
        strides, dilations = op.strides, op.dilations
    elif constant.ndim == 2:
        kernels = exact[np.newaxis, np.newaxis]
        zero_points, zero_point, fill = op.right_zero_points, op.left_zero_point, op.left_zero_point
        groups, origin, strides, dilations = 1, (0, 0), (1, 1), (1, 1)
        extent = (node.type.size // constant.shape[1], 1)
    else:
        return None
    kernels = kernels - np.array(zero_points, OBJECT).astype(kernels.dtype)
    outputs = kernels.shape[-1]
    bias = np.zeros(outputs, OBJECT) if given is None else given.astype(OBJECT)
    word = ordered_word(x, zero_point, kernels, bias, op.accumulator)
    some = np.array(channels, np.intp)
    return OrderedSums(
        channels=some,
        weights=kernels[..., some].astype(word),
        starts=some // (outputs // groups) * kernels.shape[2],
        bias=bias[some].astype(word),
        geometry=Geometry(kernels.shape[:2], strides, dilations, origin, extent),
        zero_point=zero_point,
        fill=fill,
        word=word,
        accumulator=op.accumulator,
    )
