# SPDX-License-Identifier: Apache-2.0
"""Sums as accumulators keep them: by hand, and against other ways to say the same."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    ProductTruncation,
    Reduction,
    Trapped,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding
from intaglio.simulator.reference.sums import accumulate, partial_sums
from intaglio.simulator.vectorized.term_sums import term_sums
from tests.simulator.random_arithmetic import accumulators

I4, I5, I6, I32 = (IntType(bits, signed=True) for bits in (4, 5, 6, 32))
EACH = Overflow.SATURATE_EACH_ADD


def summed(terms: Sequence[int], bias: int, accumulator: Accumulator) -> int | None:
    try:
        return accumulate(terms, bias, accumulator)
    except Trapped:
        return None


@pytest.mark.parametrize(
    ("accumulator", "expected"),
    [
        (Accumulator(I32), 7 + 7 + 7 - 8 - 8 + 1),
        (Accumulator(I4), 6),
        # 21 - 16 + 1 = 6 at the end, whatever was between.
        (Accumulator(I4, Overflow.SATURATE), 6),
        # 1, 7, 7, 7, -1, -8: clamped at 7 twice, at -8 at last.
        (Accumulator(I4, EACH), -8),
        # 7, 7, 7, -1, -8, then the bias.
        (Accumulator(I4, EACH, AccumulationOrder.BIAS_LAST), -7),
        # 8 doesn't fit.
        (Accumulator(I4, Overflow.TRAP), None),
        (Accumulator(I6, Overflow.TRAP), 6),
        # Tiles 7 + 7 = 14 -> -2, 7 - 8 = -1, -8 -> -8, in four bits that wrap.
        (Accumulator(I32, partial_sums=PartialSums(2, I4)), 1 - 2 - 1 - 8),
        (Accumulator(I32, partial_sums=PartialSums(2, I4, Overflow.SATURATE)), 1 + 7 - 1 - 8),
        (Accumulator(I32, partial_sums=PartialSums(2, I4, Overflow.TRAP)), None),
        # One tile: ((7 + 7 -> 7) + (7 - 8 = -1) = 6) + -8 = -2.
        (Accumulator(I32, partial_sums=PartialSums(0, I4, EACH, Reduction.TREE)), 1 - 2),
        # 7, 7, 7, -1, -8.
        (Accumulator(I32, partial_sums=PartialSums(0, I4, EACH, Reduction.CHAIN)), 1 - 8),
        # Halves rounded down: 3, 3, 3, -4, -4.
        (Accumulator(I32, truncation=ProductTruncation(1)), 1 + 3 + 3 + 3 - 4 - 4),
        # Halves to even: 4, 4, 4, -4, -4; then in tiles of two: 8 -> 7, 0, -4.
        (
            Accumulator(
                I32,
                truncation=ProductTruncation(1, Rounding.HALF_EVEN),
                partial_sums=PartialSums(2, I4, EACH),
            ),
            1 + 7 + 0 - 4,
        ),
    ],
)
def test_by_hand(accumulator: Accumulator, expected: int | None) -> None:
    assert summed([7, 7, 7, -8, -8], 1, accumulator) == expected


def test_a_tree_of_seven_adds_neighbours_level_by_level() -> None:
    registers = PartialSums(0, I5, EACH, Reduction.TREE)
    # (15 + 1 -> 15), (1 + 1), (-16 - 1 -> -16), 9 | 17 -> 15, -7 | 8
    assert partial_sums([15, 1, 1, 1, -16, -1, 9], registers) == [8]


@given(
    st.lists(st.integers(-100, 100), max_size=9),
    st.integers(-100, 100),
    accumulators(),
)
def test_whole_arrays_equal_the_definition(
    terms: list[int], bias: int, accumulator: Accumulator
) -> None:
    assume(accumulator.type.bits < 40)
    partial = accumulator.partial_sums
    assume(partial is None or partial.type.bits < 40)
    arrays = [np.array([term, -term], np.int64) for term in terms]
    found = term_sums(arrays, np.array([bias, bias]), accumulator)
    expected = [accumulate([sign * t for t in terms], bias, accumulator) for sign in (1, -1)]
    # Without terms, the bias alone broadcasts.
    assert np.broadcast_to(found, (2,)).tolist() == (expected if terms else expected[:1] * 2)


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=9),
    st.integers(-9, 9),
    st.integers(0, 4),
    st.sampled_from(Reduction),
)
def test_registers_that_hold_everything_change_nothing(
    terms: list[int], bias: int, length: int, reduction: Reduction
) -> None:
    for overflow in Overflow:
        wide = PartialSums(length, I32, overflow, reduction)
        for rule in (Overflow.WRAP, Overflow.SATURATE):
            plain = Accumulator(I4, rule)
            tiled = Accumulator(I4, rule, partial_sums=wide)
            assert accumulate(terms, bias, tiled) == accumulate(terms, bias, plain)


@given(st.lists(st.integers(-9, 9), max_size=9), st.integers(-9, 9))
def test_a_trap_springs_exactly_where_saturation_at_each_addition_clamps(
    terms: list[int], bias: int
) -> None:
    for order in AccumulationOrder:
        totals = [0]
        for term in [bias, *terms] if order is AccumulationOrder.BIAS_FIRST else [*terms, bias]:
            totals.append(totals[-1] + term)
        held = all(I4.contains(total) for total in totals)
        found = summed(terms, bias, Accumulator(I4, Overflow.TRAP, order))
        assert found == (totals[-1] if held else None)
