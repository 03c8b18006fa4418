# SPDX-License-Identifier: Apache-2.0
"""The bound chooses the word; on either side of each limit the sum is exact."""

import numpy as np
import pytest

from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.exact_sum import ExactSum, prove
from intaglio.simulator.vectorized.words import (
    FLOAT32,
    FLOAT64,
    INT64,
    OBJECT,
    Array,
    Word,
    centred,
)

I64 = Accumulator(IntType(64, signed=True))
SATURATED = Accumulator(IntType(64, signed=True), Overflow.SATURATE)


def column(*values: int) -> Array:
    """Weights of one output channel."""
    return np.array([[value] for value in values], dtype=object)


def total(proved: ExactSum, x: list[int]) -> int:
    """The accumulator of the one channel."""
    operands = centred(np.array([x], dtype=object), proved.offset, proved.word)
    return int(proved.finish(operands @ proved.weights)[0, 0])


@pytest.mark.parametrize(
    ("magnitude", "word"),
    [
        ((1 << 24) - 1, FLOAT32),
        (1 << 24, FLOAT64),
        ((1 << 53) - 1, FLOAT64),
        (1 << 53, INT64),
        ((1 << 63) - 1, INT64),
    ],
)
def test_the_word_at_its_limit_is_exact_in_any_order(magnitude: int, word: Word) -> None:
    # One large product and many of one: a word too narrow loses the small ones.
    weights = column(magnitude - 64, *[1] * 64)
    proved = prove(Interval(-1, 1), 0, weights, None, I64)
    assert (proved.word, proved.total_word) == (word, word)
    for x in ([1] * 65, [-1] * 65, [1] + [-1] * 64, [1] * 64 + [0]):
        assert total(proved, x) == sum(a * int(w) for a, (w,) in zip(x, weights, strict=True))
        reordered = ExactSum(
            proved.weights[::-1],
            proved.offset,
            proved.constants,
            proved.word,
            proved.total_word,
            proved.exact,
            proved.accumulator,
        )
        assert total(reordered, x[::-1]) == total(proved, x)


def test_a_bias_may_need_a_wider_word_than_the_products() -> None:
    weights, bias = column(*[127] * 100), np.array([1 << 30], dtype=object)
    proved = prove(Interval(0, 255), 0, weights, bias, I64)
    assert (proved.word, proved.total_word) == (FLOAT32, FLOAT64)
    assert total(proved, [255] * 100) == 127 * 25500 + (1 << 30)


def test_the_bound_uses_the_actual_weights_of_the_worst_channel() -> None:
    weights = np.array([[1, 127]] * 1000, dtype=np.int64)
    assert prove(Interval(0, 255), 0, weights[:, :1], None, I64).word == FLOAT32
    assert prove(Interval(0, 255), 0, weights, None, I64).word == FLOAT64
    assert prove(Interval(0, 6), 0, weights, None, I64).word == FLOAT32


def test_a_zero_point_is_folded_where_that_is_not_wider() -> None:
    folded = prove(Interval(0, 255), 128, column(3, -5), None, I64)
    assert folded.offset == 0
    assert total(folded, [7, 200]) == 3 * (7 - 128) - 5 * (200 - 128)
    # Sums of the raw x need a wider word than those of the centred.
    far = 60000
    subtracted = prove(Interval(far - 3, far + 3), far, column(*[1] * 1000), None, I64)
    assert (subtracted.word, subtracted.offset) == (FLOAT32, far)
    assert total(subtracted, [far + 3, far - 2] + [far] * 998) == 1


def test_x_itself_must_be_exact_in_the_word() -> None:
    zero_point = (1 << 24) + 1
    proved = prove(Interval(1 << 24, (1 << 24) + 3), zero_point, column(1), None, I64)
    assert [total(proved, [zero_point + d]) for d in (-1, 0, 1, 2)] == [-1, 0, 1, 2]


def test_a_wrapping_accumulator_needs_no_more_than_64_bits() -> None:
    weights = column((1 << 63) - 1, 3, -(1 << 63))
    proved = prove(IntType(64, signed=True).interval, 0, weights, None, I64)
    assert proved.word == INT64
    x = [(1 << 63) - 1, 1 << 62, -5]
    exact = sum(a * int(w) for a, (w,) in zip(x, weights, strict=True))
    assert total(proved, x) == I64.type.wrap(exact)


def test_a_saturating_accumulator_beyond_64_bits_takes_python_ints() -> None:
    weights = column((1 << 63) - 1, 3)
    proved = prove(IntType(64, signed=True).interval, 0, weights, None, SATURATED)
    assert proved.word == OBJECT
    assert total(proved, [2, -1]) == (1 << 63) - 1
    assert total(proved, [-2, 1]) == -(1 << 63)
    assert total(proved, [0, 1 << 62]) == (1 << 63) - 1
    assert total(proved, [1, -1]) == (1 << 63) - 4


def test_unsigned_64_bit_sums_are_exact_to_the_end() -> None:
    accumulator = Accumulator(IntType(64, signed=False), Overflow.SATURATE)
    proved = prove(Interval(0, 1), 0, column(*[1 << 60] * 15), None, accumulator)
    assert total(proved, [1] * 15) == 15 << 60
    wide = prove(Interval(0, 3), 0, column(1 << 63), None, accumulator)
    assert [total(wide, [x]) for x in (0, 1, 2, 3)] == [0, 1 << 63, (1 << 64) - 1, (1 << 64) - 1]


@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SATURATE])
def test_the_interval_is_reached_at_both_ends(overflow: Overflow) -> None:
    accumulator = Accumulator(IntType(32, signed=True), overflow)
    bias = np.array([100, -7], dtype=object)
    weights = np.array([[5, 0], [-3, 2]], dtype=np.int64)
    proved = prove(Interval(-2, 9), 1, weights, bias, accumulator)
    assert proved.exact == Interval(-7 - 3 * 2, 100 + 5 * 8 + 3 * 3)
    assert proved.interval == proved.exact


def test_a_sum_that_can_overflow_is_only_known_to_lie_in_the_type() -> None:
    accumulator = Accumulator(IntType(8, signed=True))
    proved = prove(Interval(0, 255), 0, column(1), None, accumulator)
    assert proved.interval == accumulator.type.interval
    assert total(proved, [130]) == -126
