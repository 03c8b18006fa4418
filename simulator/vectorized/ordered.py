# SPDX-License-Identifier: Apache-2.0
"""Accumulators to which every addition matters: proved harmless, or added term by term."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.accumulator import Accumulator, Overflow, PartialSums
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.exact_sum import ExactSum, prove
from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.term_sums import in_order, term_sums
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array, Word


def prove_ordered(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> tuple[ExactSum, Sequence[int]]:
    """A proved sum, and the output channels for which it isn't what the accumulator keeps.

    Arguments as for ``prove``.  Terms are added in the row-major order of the weights' axes.
    """
    if accumulator.plain and not accumulator.overflow.ordered:
        return prove(x, zero_point, weights, bias, accumulator), ()
    unproved = unproved_channels(x, zero_point, weights, bias, accumulator)
    # Of the channels that are added again in order, any value will do here.
    overflow = Overflow.WRAP if accumulator.overflow.ordered else accumulator.overflow
    plain = Accumulator(accumulator.type, overflow, accumulator.order)
    return prove(x, zero_point, weights, bias, plain), unproved


def unproved_channels(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> Sequence[int]:
    """The output channels that are more than the exact sum, wrapped or saturated once.

    Some partial sum, in order, may leave the type that holds it, or products are truncated.
    """
    if accumulator.truncation is not None:
        return range(weights.shape[-1])
    word = _prefix_word(x, zero_point, weights, bias)
    terms = weights.reshape(-1, weights.shape[-1]).astype(word)
    constant = np.zeros(terms.shape[1], word) if bias is None else bias.astype(word)
    at_low, at_high = terms * (x.low - zero_point), terms * (x.high - zero_point)
    low, high = np.minimum(at_low, at_high), np.maximum(at_low, at_high)
    held = np.ones(terms.shape[1], dtype=bool)
    if accumulator.partial_sums is not None:
        starts = _tile_starts(accumulator.partial_sums, len(terms))
        least, most = (np.add.reduceat(ends, starts, axis=0) for ends in _optional(low, high))
        held &= _within(least, most, accumulator.partial_sums.type)
        low, high = (np.add.reduceat(ends, starts, axis=0) for ends in (low, high))
    if accumulator.overflow.ordered:
        least, most = (
            np.cumsum(np.stack(list(in_order(list(ends), constant, accumulator.order))), axis=0)
            for ends in (low, high)
        )
        held &= _within(least, most, accumulator.type)
    return [int(channel) for channel in np.flatnonzero(~held)]


def _tile_starts(registers: PartialSums, terms: int) -> list[int]:
    return [0, *accumulate(registers.lengths(terms))][:-1]


def _optional(low: Array, high: Array) -> tuple[Array, Array]:
    """The ends of terms that may be left out: sums of any of them, in whatever order."""
    return np.minimum(low, 0), np.maximum(high, 0)


def _within(low: Array, high: Array, type: IntType) -> NDArray[np.bool_]:
    """By column, whether the type holds every sum."""
    above, below = low.min(axis=0) >= type.minimum, high.max(axis=0) <= type.maximum
    held: NDArray[np.bool_] = np.logical_and(above, below).astype(np.bool_)
    return held


def _prefix_word(x: Interval, zero_point: int, weights: Array, bias: Array | None) -> Word:
    """int64 where no partial sum can overflow it, else Python ints."""
    reach = max(abs(x.low - zero_point), abs(x.high - zero_point))
    largest = int(np.abs(weights).max()) if weights.size else 0
    constant = 0 if bias is None else max(abs(value) for value in bias.tolist())
    return INT64 if reach * largest * weights.size + constant < 1 << 63 else OBJECT


def ordered_word(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> Word:
    """int64 where no addition can overflow it, else Python ints."""
    largest = int(np.abs(weights).max()) if weights.size else 0
    reach = max(x.magnitude, abs(x.low - zero_point), abs(x.high - zero_point), abs(zero_point))
    constant = 0 if bias is None else max(abs(value) for value in bias.tolist())
    depth = weights.size // max(weights.shape[-1], 1)
    return word_of_sums(max(largest, reach, reach * largest), depth, constant, accumulator)


def word_of_sums(term: int, terms: int, bias: int, accumulator: Accumulator) -> Word:
    """int64 where no addition of a sum can overflow it, else Python ints.

    Args:
        term: the largest magnitude of a product, or of what it is made of.
        terms: how many products a sum has.
        bias: its largest magnitude.
        accumulator: where the sum is kept.
    """
    # A register that is held after each addition is one addition beyond its type at most.
    each = accumulator.plain and accumulator.overflow is Overflow.SATURATE_EACH_ADD
    if each:
        largest = accumulator.type.interval.magnitude + max(term, bias)
    else:
        partial = accumulator.partial_sums
        register = 0 if partial is None else partial.type.interval.magnitude
        largest = max(term, register) * (terms + 1) + bias + accumulator.type.interval.magnitude
    return INT64 if largest < 1 << 63 else OBJECT


@dataclass(frozen=True, slots=True)
class OrderedChannels:
    """The channels of a convolution that must be added term by term.

    Attributes:
        channels: which.
        weights: ``[kh, kw, C / groups, O]`` without zero points.
        groups: of the convolution.
        bias: ``[O]`` as Python ints, or none.
        zero_point: of x.
        word: the integers to add in.
        accumulator: where the sum is kept.
    """

    channels: Sequence[int]
    weights: Array
    groups: int
    bias: Array | None
    zero_point: int
    word: Word
    accumulator: Accumulator

    def overwrite(
        self, accumulators: Array, image: Array, geometry: Geometry, first: int, fill: int
    ) -> None:
        """Replace these channels of accumulators ``[rows, columns, O]`` from row ``first`` on."""
        rows = accumulators.shape[0]
        centred_fill = fill - self.zero_point
        plane = geometry.plane(image, first, rows, self.word, self.zero_point, centred_fill)
        windows = geometry.windows(plane, rows)
        kernel_rows, kernel_columns, depth, outputs = self.weights.shape
        channels = np.array(self.channels)
        starts = channels // (outputs // self.groups) * depth
        terms = (
            windows[:, :, r, s, starts + c] * self.weights[r, s, c, channels].astype(self.word)
            for r, s, c in np.ndindex(kernel_rows, kernel_columns, depth)
        )
        bias = np.zeros(outputs, OBJECT) if self.bias is None else self.bias
        added = bias[channels].astype(self.word)
        accumulators[:, :, channels] = term_sums(terms, added, self.accumulator)
