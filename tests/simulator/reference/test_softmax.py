# SPDX-License-Identifier: Apache-2.0
"""The integer softmax algorithms: by hand, and against the real softmax."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics.fixed_point_exp import (
    EXP_OF_MINUS_EIGHTH,
    EXP_OF_MINUS_POWERS,
    exp_of_negative,
    reciprocal_of_one_plus,
)
from intaglio.numerics.functions import exponential
from intaglio.numerics.rounding import Rounding
from tests.simulator.text_cases import outcome

# The input scale 1/16: 2**26 / 16 as a multiplier of 2**30 / 2**31 and a shift of 23.
FIXED_POINT = """fixed_point_softmax(multiplier=1073741824, left_shift=23,
    difference_minimum=-248, low=-128, high=127)"""


def softmax(x: Any, algorithm: str, axis: int = 0) -> Any:
    shape = [len(x)] if axis == 0 else [len(x), len(x[0])]
    extents = ",".join(map(str, shape))
    return outcome(
        f"""
        %x: i8[{extents}] = input
        %y: i8[{extents}] = softmax(%x) algorithm={algorithm} axis={axis}
        """,
        x=x,
    )


def test_equal_codes_share_alike() -> None:
    assert softmax([5, 5, 5, 5], FIXED_POINT) == [-64] * 4
    assert softmax([-128], FIXED_POINT) == [127]


def test_a_code_too_far_below_the_largest_gets_the_lowest() -> None:
    assert softmax([127, -122], FIXED_POINT) == [127, -128]


def test_the_lowest_difference_still_counts() -> None:
    narrow = FIXED_POINT.replace("-248", "-1")
    largest, next_lower, beyond = softmax([2, 1, 0], narrow)
    assert (largest + next_lower, beyond) == (0, -128)
    assert next_lower > -128


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=40))
def test_the_fixed_point_softmax_is_near_the_real_one(codes: list[int]) -> None:
    total = sum(math.exp(code / 16) for code in codes)
    for code, found in zip(codes, softmax(codes, FIXED_POINT), strict=True):
        assert abs(found + 128 - min(256 * math.exp(code / 16) / total, 255)) < 0.51


def test_each_line_by_itself_along_an_axis() -> None:
    found = softmax([[9, 9], [9, 9], [-128, 127]], FIXED_POINT, axis=1)
    assert found == [[0, 0], [0, 0], [-128, 127]]


@pytest.mark.parametrize("quarters", range(1, 124))
def test_the_fixed_point_exponential(quarters: int) -> None:
    # Seven factors of 2**-32 each, and a polynomial cut at its fifth term.
    found = exp_of_negative(-quarters << 24, integer_bits=5)
    assert found == pytest.approx(2**31 * math.exp(-quarters / 4), rel=3e-7, abs=8)


def test_the_factors_of_the_fixed_point_exponential_are_correctly_rounded() -> None:
    unit = Fraction(1, 2**31)
    for power, factor in EXP_OF_MINUS_POWERS:
        real = exponential(-(Fraction(2) ** power))
        assert factor == real.rounded_to_integer(unit, Rounding.HALF_EVEN)
    eighth = exponential(Fraction(-1, 8))
    assert eighth.rounded_to_integer(unit, Rounding.HALF_EVEN) == EXP_OF_MINUS_EIGHTH


@given(st.integers(0, 2**31 - 1))
def test_the_fixed_point_reciprocal(raw: int) -> None:
    assert abs(reciprocal_of_one_plus(raw) - 2**31 / (1 + raw / 2**31)) < 8


@pytest.mark.parametrize("length", [8191, 8192, 8193])
def test_a_sum_that_wraps_counts_at_least_one(length: int) -> None:
    # 8192 times 2**19 is 2**32: the machine's word holds 0.
    algorithm = """fixed_point_softmax(multiplier=1073741824, left_shift=22,
        difference_minimum=-255, low=-128, high=127)"""
    found = softmax([5] * length, algorithm)
    # The share of each of 8191 is nothing; one that stands alone has it all.
    assert set(found) == {-128 if length == 8191 else 127}


def test_integer_tables_by_hand() -> None:
    # Entries 4, 2, 0 beyond the end; shares of 256: 4 * 256 / 6 and 2 * 256 / 6, less 128.
    algorithm = """integer_table_softmax(table=[4, 2], numerator=512, denominator=2,
        rounding=half-even, zero_point=-128, low=-128, high=127)"""
    assert softmax([7, 6, 5], algorithm) == [171 - 128, 85 - 128, -128]


@pytest.mark.parametrize(
    ("normalization", "factor"), [("scaled-numerator", "256"), ("reciprocal-sum", "0.00390625")]
)
def test_float_tables_by_hand(normalization: str, factor: str) -> None:
    # Shares of 256: three quarters, one quarter, and nothing beyond the table's end.
    algorithm = f"""float32_table_softmax(table=[f32(0.75), f32(0.25)], factor=f32({factor}),
        normalization={normalization}, rounding=half-even, zero_point=-128, low=-128, high=127)"""
    assert softmax([1, 0, -1], algorithm) == [192 - 128, 64 - 128, -128]


@pytest.mark.parametrize(
    ("normalization", "factor", "expected"),
    [("scaled-numerator", "15", 5), ("reciprocal-sum", "0.06666667", 4)],
)
def test_the_two_normalizations_round_apart(normalization: str, factor: str, expected: int) -> None:
    # 15 / 3 is 5; fl32(1 / 15) is a little too large, so its reciprocal way ends below 5.
    algorithm = f"""float32_table_softmax(table=[f32(1)], factor=f32({factor}),
        normalization={normalization}, rounding=floor, zero_point=0, low=0, high=127)"""
    assert softmax([0, 0, 0], algorithm) == [expected] * 3
