# SPDX-License-Identifier: Apache-2.0
"""Bounds of sums whose terms are truncated, or meet in partial sums first: term by term."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from intaglio.numerics.accumulator import Accumulator, Overflow, PartialSums, ProductTruncation
from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import shift_right_array

_INT64 = 1 << 62


@dataclass(frozen=True, slots=True)
class SumRange:
    """Bounds of one sum.

    Attributes:
        total: every final sum, bias included.
        partial: every sum of a subset of what is added to the accumulator.
        tile: every sum of a subset of the terms of one partial sum; [0, 0] without partial sums.
    """

    total: Interval
    partial: Interval
    tile: Interval


def sum_range(
    x: Interval, weights: IntegerArray, bias: Interval, accumulator: Accumulator
) -> SumRange:
    """The bounds of ``bias + Σ_k term_k`` with products of x and ``weights[k]``, of any width.

    Args:
        x: what the operand can hold, without its zero point.
        weights: ``[K]``, int64 or Python ints, without zero points, in the order of the terms.
        bias: what is added.
        accumulator: how terms are made and where they meet.
    """
    low, high = product_ends(x, weights)
    return range_of_terms(low, high, bias, accumulator)


def product_ends(x: Interval, weights: IntegerArray) -> tuple[IntegerArray, IntegerArray]:
    """The least and the greatest product of each weight, ``[K]`` each."""
    largest = int(np.abs(weights).max()) if weights.size else 0
    exact = weights if x.magnitude * largest < _INT64 else weights.astype(object)
    at_low, at_high = exact * x.low, exact * x.high
    return np.minimum(at_low, at_high), np.maximum(at_low, at_high)


def range_of_terms(
    low: IntegerArray, high: IntegerArray, bias: Interval, accumulator: Accumulator
) -> SumRange:
    """The bounds of a sum of products that lie between ``low[k]`` and ``high[k]``."""
    if accumulator.truncation is not None:
        low, high = (_truncated(ends, accumulator.truncation) for ends in (low, high))
    low, high = low.astype(object), high.astype(object)
    tile = Interval(0, 0)
    if accumulator.partial_sums is not None:
        low, high, tile = _tiles(low, high, accumulator.partial_sums)
    zero = Interval(0, 0)
    partial = Interval(int(np.minimum(low, 0).sum()), int(np.maximum(high, 0).sum()))
    total = Interval(int(low.sum()), int(high.sum()))
    return SumRange(total + bias, partial + (bias | zero), tile)


def _truncated(ends: IntegerArray, truncation: ProductTruncation) -> IntegerArray:
    if ends.dtype == object:
        return np.array([truncation.apply(int(end)) for end in ends], dtype=object)
    return shift_right_array(ends, truncation.dropped_bits, truncation.rounding)


def _tiles(
    low: IntegerArray, high: IntegerArray, registers: PartialSums
) -> tuple[IntegerArray, IntegerArray, Interval]:
    """The ends of each partial sum, and the bounds of a subset of the terms of any."""
    if not low.size:
        return low, high, Interval(0, 0)
    starts = [0, *accumulate(registers.lengths(low.size))][:-1]
    least = np.add.reduceat(np.minimum(low, 0), starts)
    most = np.add.reduceat(np.maximum(high, 0), starts)
    reached = Interval(int(least.min()), int(most.max()))
    low, high = np.add.reduceat(low, starts), np.add.reduceat(high, starts)
    type = registers.type
    if not type.interval.contains(reached):
        match registers.overflow:
            case Overflow.SATURATE:
                low, high = (np.clip(ends, type.minimum, type.maximum) for ends in (low, high))
            case Overflow.WRAP | Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
                low, high = np.full_like(low, type.minimum), np.full_like(high, type.maximum)
    return low, high, reached
