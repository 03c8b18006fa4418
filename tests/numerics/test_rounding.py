# SPDX-License-Identifier: Apache-2.0
"""Rounding: every mode against its words, exhaustively on small quotients; twins on words."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import (
    Rounding,
    divide,
    divide_array,
    round_fraction,
    shift_right,
    shift_right_array,
)

int64 = st.integers(-(2**63), 2**63 - 1)
TIES = [Fraction(n, 2) for n in (-7, -5, -3, -1, 1, 3, 5, 7)]
TIE_TABLE = {
    Rounding.FLOOR: [-4, -3, -2, -1, 0, 1, 2, 3],
    Rounding.CEIL: [-3, -2, -1, 0, 1, 2, 3, 4],
    Rounding.TOWARD_ZERO: [-3, -2, -1, 0, 0, 1, 2, 3],
    Rounding.AWAY_FROM_ZERO: [-4, -3, -2, -1, 1, 2, 3, 4],
    Rounding.HALF_TOWARD_POSITIVE: [-3, -2, -1, 0, 1, 2, 3, 4],
    Rounding.HALF_TOWARD_NEGATIVE: [-4, -3, -2, -1, 0, 1, 2, 3],
    Rounding.HALF_EVEN: [-4, -2, -2, 0, 0, 2, 2, 4],
    Rounding.HALF_AWAY_FROM_ZERO: [-4, -3, -2, -1, 1, 2, 3, 4],
    Rounding.HALF_TOWARD_ZERO: [-3, -2, -1, 0, 0, 1, 2, 3],
}


def by_its_words(value: Fraction, mode: Rounding) -> int:
    """Choose among the neighbours by distance, then by what the mode's name says."""
    candidates = sorted({math.floor(value), math.ceil(value)})
    if mode.to_nearest:
        nearest = min(abs(value - c) for c in candidates)
        candidates = [c for c in candidates if abs(value - c) == nearest]
    if len(candidates) == 1:
        return candidates[0]
    key = mode.value.removeprefix("half-")
    match key:
        case "floor" | "toward-negative":
            return min(candidates)
        case "ceil" | "toward-positive":
            return max(candidates)
        case "toward-zero":
            return min(candidates, key=abs)
        case "away-from-zero":
            return max(candidates, key=abs)
        case "even":
            return next(c for c in candidates if c % 2 == 0)
        case _:
            raise AssertionError(key)


@pytest.mark.parametrize("mode", Rounding)
def test_ties(mode: Rounding) -> None:
    assert [round_fraction(tie, mode) for tie in TIES] == TIE_TABLE[mode]


@pytest.mark.parametrize("mode", Rounding)
def test_every_small_quotient(mode: Rounding) -> None:
    for numerator in range(-70, 71):
        for denominator in (*range(-17, 0), *range(1, 18)):
            expected = by_its_words(Fraction(numerator, denominator), mode)
            assert divide(numerator, denominator, mode) == expected


@pytest.mark.parametrize("mode", Rounding)
def test_every_small_shift(mode: Rounding) -> None:
    values = np.arange(-600, 601, dtype=np.int64)
    for shift in range(9):
        expected = [by_its_words(Fraction(value, 1 << shift), mode) for value in range(-600, 601)]
        assert [shift_right(value, shift, mode) for value in range(-600, 601)] == expected
        assert shift_right_array(values, shift, mode).tolist() == expected


@given(st.lists(int64, min_size=1), st.integers(1, 2**63 - 1), st.sampled_from(Rounding))
def test_divide_array(numerators: list[int], divisor: int, mode: Rounding) -> None:
    numerators += [2**63 - 1, -(2**63), divisor // 2, -(divisor // 2)]
    array = divide_array(np.array(numerators, dtype=np.int64), divisor, mode)
    assert array.tolist() == [divide(n, divisor, mode) for n in numerators]


@given(st.lists(int64, min_size=1), st.integers(0, 63), st.sampled_from(Rounding))
def test_shift_right_array(values: list[int], shift: int, mode: Rounding) -> None:
    half = 1 << max(shift - 1, 0)
    values += [2**63 - 1, -(2**63), -1, 0, 1, half - 1, -half]
    array = shift_right_array(np.array(values, dtype=np.int64), shift, mode)
    assert array.tolist() == [shift_right(value, shift, mode) for value in values]


@pytest.mark.parametrize("mode", Rounding)
def test_ties_of_whole_words(mode: Rounding) -> None:
    """Values one around every tie, at every shift at once."""
    shifts = np.arange(64)
    for odd in (-3, -1, 1, 3):
        for nudge in (-1, 0, 1):
            values = [(odd << max(s - 1, 0)) + nudge for s in range(62)]
            array = shift_right_array(np.array(values, dtype=np.int64), shifts[:62], mode)
            assert array.tolist() == [shift_right(v, s, mode) for s, v in enumerate(values)]


def test_divisors_broadcast() -> None:
    numerators = np.array([[7, 7, 7], [-7, -7, -7]], dtype=np.int64)
    result = divide_array(numerators, np.array([2, 3, 14]), Rounding.HALF_EVEN)
    assert result.tolist() == [[4, 2, 0], [-4, -2, 0]]


def test_refusals() -> None:
    with pytest.raises(InvalidOption, match="denominator 0: has no quotient"):
        divide(1, 0, Rounding.FLOOR)
    with pytest.raises(InvalidOption, match="right shift -1: is negative"):
        shift_right(1, -1, Rounding.FLOOR)
    with pytest.raises(InvalidOption, match="divisor 0: is not positive"):
        divide_array(np.zeros(1, dtype=np.int64), 0, Rounding.FLOOR)
    with pytest.raises(InvalidOption, match=r"right shift 64: is not within 0\.\.63"):
        shift_right_array(np.zeros(1, dtype=np.int64), 64, Rounding.FLOOR)
