# SPDX-License-Identifier: Apache-2.0
"""Sums of products, with the proof of the word in which they are exact.

A sum over k of ``x[k] * w[k]`` is exact in floating point, in any order and with any fusing of
multiplications and additions, when every product and every partial sum is an integer that the
format holds.  All are bounded by ``max|x| * Σ|w|``, computed here from the weights for each output
channel.
"""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.words import (
    INT64,
    OBJECT,
    WORDS,
    Array,
    Word,
    exact_word,
    in_word,
)


@dataclass(frozen=True, slots=True)
class ExactSum:
    """``acc[o] = constants[o] + Σ_k (x[k] - offset) * weights[k, o]``, then the overflow rule.

    Attributes:
        weights: without their zero point, the output channel last, in ``word``.
        offset: what is subtracted from x; the rest of x's zero point is in ``constants``.
        constants: ``[O]`` in ``total_word``.
        word: in which the sum of products is exact.
        total_word: in which the sum is exact with the constant.
        exact: the interval of the exact sum; of all channels together.
        accumulator: where the result is kept.
    """

    weights: Array
    offset: int
    constants: Array
    word: Word
    total_word: Word
    exact: Interval
    accumulator: Accumulator

    @property
    def interval(self) -> Interval:
        """Where the accumulator lies after its overflow rule."""
        held = self.accumulator.type.interval
        return self.exact if held.contains(self.exact) else held

    def finish(self, sums: Array) -> Array:
        """The accumulators of sums of products ``[..., O]``, which may be overwritten."""
        totals = sums if self.word == self.total_word else in_word(sums, self.total_word)
        if self.constants.any():
            totals += self.constants
        return overflowed(totals, self.exact, self.accumulator)


def overflowed(totals: Array, exact: Interval, accumulator: Accumulator) -> Array:
    """Exact sums, which lie in ``exact``, as the accumulator keeps them at the end.

    ``totals`` may be right modulo 2**64 alone where the accumulator wraps.
    """
    type = accumulator.type
    if type.interval.contains(exact):
        return type.wrap_array(totals) if totals.dtype == OBJECT else totals.astype(type.dtype)
    integers = totals if totals.dtype == OBJECT else totals.astype(INT64, copy=False)
    match accumulator.overflow:
        case Overflow.WRAP:
            return type.wrap_array(integers)
        case Overflow.SATURATE:
            return type.saturate_array(integers)
        case Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            raise AssertionError("an ordered sum that can overflow was taken for an exact one")
        case _:
            assert_never(accumulator.overflow)


def prove(
    x: Interval,
    zero_point: int,
    weights: Array,
    bias: Array | None,
    accumulator: Accumulator,
) -> ExactSum:
    """Choose the words in which ``b[o] + Σ_k (x[k] - zero_point) * w[k, o]`` is exact.

    Args:
        x: where every x lies, padded elements included.
        zero_point: of x.
        weights: int64 or Python ints without their zero point, the output channel last.
        bias: int64 or Python ints ``[O]``, or none.
        accumulator: where the sum is kept.
    """
    positive = channel_sums(np.maximum(weights, 0))
    negative = channel_sums(np.maximum(-weights, 0))
    biases = positive * 0 if bias is None else bias.astype(OBJECT)
    low = (x.low - zero_point) * positive - (x.high - zero_point) * negative + biases
    high = (x.high - zero_point) * positive - (x.low - zero_point) * negative + biases
    exact = Interval(min(low.tolist()), max(high.tolist()))
    modular = accumulator.overflow is Overflow.WRAP or accumulator.type.interval.contains(exact)

    def plan(offset: int) -> _Plan:
        reach = max(abs(x.low - offset), abs(x.high - offset))
        products = reach * (positive + negative)
        constants = biases - (zero_point - offset) * (positive - negative)
        operands = max(x.magnitude, abs(offset))
        partial = max(operands, *products.tolist())
        total = max(partial, *(products + np.abs(constants)).tolist())
        return _Plan(offset, constants, exact_word(partial, modular), exact_word(total, modular))

    # A zero point folded into the constants spares a pass over x, but may need a wider word.
    best = min(plan(0), plan(zero_point), key=lambda found: found.cost)
    return ExactSum(
        weights=in_word(weights, best.word),
        offset=best.offset,
        constants=in_word(best.constants, best.total_word),
        word=best.word,
        total_word=best.total_word,
        exact=exact,
        accumulator=accumulator,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    offset: int
    constants: Array
    word: Word
    total_word: Word

    @property
    def cost(self) -> tuple[int, int]:
        """The wider, the slower."""
        return WORDS.index(self.word), WORDS.index(self.total_word)


def channel_sums(weights: Array) -> Array:
    """Python ints ``[O]``: sums over all axes but the last."""
    sums: Array = weights.reshape(-1, weights.shape[-1]).sum(axis=0)
    return sums.astype(OBJECT)
