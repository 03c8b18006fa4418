# SPDX-License-Identifier: Apache-2.0
"""Each scaling against its runtime's own formula, written again in another way."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import (
    DoubleRounding,
    Float32,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64,
    Float64Multiply,
    Int16Multiply,
    Interval,
    IntType,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Requantizer,
    Rounding,
    Scaling,
    Shift,
    Thresholds,
    TosaScale,
    round_fraction,
    rounding_shift_away,
    rounding_shift_up,
    saturating_rounding_doubling_high_multiply,
)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
int32 = st.integers(INT32_MIN, INT32_MAX) | st.sampled_from([INT32_MIN, -1, 0, 1, INT32_MAX])
modes = st.sampled_from(Rounding)


def c_division(a: int, b: int) -> int:
    """Division as C does it, toward zero."""
    return abs(a) // b * (1 if a >= 0 else -1)


@given(int32, int32)
def test_srdhm_is_gemmlowps(a: int, b: int) -> None:
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    expected = INT32_MAX if a == b == INT32_MIN else c_division(product + nudge, 2**31)
    assert saturating_rounding_doubling_high_multiply(a, b) == expected


def test_srdhm_edges() -> None:
    srdhm = saturating_rounding_doubling_high_multiply
    assert srdhm(INT32_MIN, INT32_MIN) == INT32_MAX
    assert srdhm(1, 2**30) == 1  # one half, up
    assert srdhm(-1, 2**30) == 0  # minus one half, up
    assert srdhm(INT32_MIN, 2**30) == -(2**30)


@given(int32, st.integers(0, 31))
def test_rounding_shifts_are_the_c_ones(x: int, shift: int) -> None:
    mask = (1 << shift) - 1
    threshold = (mask >> 1) + (x < 0)
    assert rounding_shift_away(x, shift) == (x >> shift) + ((x & mask) > threshold)
    assert rounding_shift_up(x, shift) == (x if shift == 0 else (x + (1 << (shift - 1))) >> shift)


@given(int32, int32, st.integers(0, 62), modes)
def test_multiply_shift(x: int, multiplier: int, shift: int, mode: Rounding) -> None:
    expected = round_fraction(Fraction(x * multiplier, 2**shift), mode)
    assert MultiplyShift(multiplier, shift, mode).apply(x) == expected


@given(int32, st.integers(2**30, INT32_MAX), st.integers(-31, 31))
def test_double_rounding(x: int, multiplier: int, shift: int) -> None:
    left, right = max(shift, 0), max(-shift, 0)
    word = int(np.int64(x).astype(np.int64) << left) & 0xFFFFFFFF
    high = saturating_rounding_doubling_high_multiply(word - (word >> 31 << 32), multiplier)
    away = DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)
    up = DoubleRounding(multiplier, shift, Rounding.HALF_TOWARD_POSITIVE)
    assert away.apply(x) == rounding_shift_away(high, right)
    assert up.apply(x) == rounding_shift_up(high, right)


def test_a_quarter_rounds_twice() -> None:
    """One half goes up in the first rounding, away from zero in the second."""
    half = DoubleRounding(2**30, 0, Rounding.HALF_AWAY_FROM_ZERO)
    quarter = DoubleRounding(2**30, -1, Rounding.HALF_AWAY_FROM_ZERO)
    assert [half.apply(x) for x in (-3, -1, 1, 3)] == [-1, 0, 1, 2]
    assert [quarter.apply(x) for x in (-6, -5, -2, -1, 1, 2, 5, 6)] == [-2, -1, -1, 0, 1, 1, 2, 2]


@given(st.integers(-(2**47), 2**47 - 1), st.integers(2**30, INT32_MAX), st.integers(-31, 7))
def test_int16_multiply(x: int, multiplier: int, shift: int) -> None:
    reduced = (multiplier + 2**15) // 2**16 if multiplier < 0x7FFF0000 else 0x7FFF
    real = Fraction(x * reduced, 2 ** (15 - shift))
    expected = round_fraction(real, Rounding.HALF_TOWARD_POSITIVE)
    assert Int16Multiply(multiplier, shift).apply(x) == expected


def test_int16_multiplier_edges() -> None:
    reduced = [Int16Multiply(q, 0).reduced_multiplier for q in (0x7FFEFFFF, 0x7FFF0000, 2**30, 0)]
    assert reduced == [0x7FFF, 0x7FFF, 0x4000, 0]


@given(int32, st.floats(2**-27, 2**10, width=32), st.floats(-300, 300, width=32))
def test_float32_scalings(x: int, factor: float, addend: float) -> None:
    product = np.float32(x) * np.float32(factor)
    scale, zero_point = Float32.from_value(factor), Float32.from_value(addend)
    assert Float32Multiply(scale).apply(x) == int(np.rint(product))
    total = np.rint(product + np.float32(addend))
    assert Float32MultiplyAdd(scale, zero_point).apply(x) == int(total)
    away = Float32MultiplyAdd(scale, zero_point, Rounding.HALF_AWAY_FROM_ZERO)
    exact = Fraction(float(product + np.float32(addend)))
    assert away.apply(x) == round_fraction(exact, Rounding.HALF_AWAY_FROM_ZERO)


def test_float32_scalings_round_to_even_or_away() -> None:
    half = Float32.from_value(0.5)
    away = Float32MultiplyAdd(half, half, Rounding.HALF_AWAY_FROM_ZERO)
    assert [away.apply(x) for x in (-6, -4, -2, 0, 2, 4)] == [-3, -2, -1, 1, 2, 3]
    with pytest.raises(InvalidOption, match="Float32MultiplyAdd rounding"):
        Float32MultiplyAdd(half, half, Rounding.FLOOR)


@given(int32, st.floats(1e-8, 1e3))
def test_float64_multiply(x: int, factor: float) -> None:
    product = Fraction(float(x) * factor)
    expected = round_fraction(product, Rounding.HALF_AWAY_FROM_ZERO)
    assert Float64Multiply(Float64.from_value(factor)).apply(x) == expected


@pytest.mark.parametrize(("x", "even", "odd"), [(1, 3, 4), (3, 5, 4), (-1, 3, 2)])
def test_a_zero_point_inside_the_rounding_flips_ties(x: int, even: int, odd: int) -> None:
    half = Float32.from_value(0.5)
    assert Requantizer(Float32Multiply(half), 3, 0, 9).apply(x) == even
    inside = Requantizer(Float32MultiplyAdd(half, Float32.from_value(3.0)), 0, 0, 9)
    assert inside.apply(x) == odd


@given(int32, st.integers(-(2**15), 2**15), int32, st.integers(0, 30), modes)
def test_multiply_add_shift(x: int, k: int, offset: int, shift: int, mode: Rounding) -> None:
    exact = MultiplyAddShift(k, offset, shift, mode, None)
    wrapping = MultiplyAddShift(k, offset, shift, mode, IntType(32, True))
    total = x * k + offset
    assert exact.apply(x) == round_fraction(Fraction(total, 2**shift), mode)
    word = (total + 2**31) % 2**32 - 2**31
    assert wrapping.apply(x) == round_fraction(Fraction(word, 2**shift), mode)


@given(int32, st.integers(-20, 40), modes)
def test_shift(x: int, shift: int, mode: Rounding) -> None:
    assert Shift(shift, mode).apply(x) == round_fraction(x * Fraction(2) ** -shift, mode)


@given(int32, st.integers(0, INT32_MAX), st.integers(2, 62))
def test_tosa_scale(x: int, multiplier: int, shift: int) -> None:
    rounding = 1 << (shift - 1)
    assert TosaScale(multiplier, shift, False).apply(x) == (x * multiplier + rounding) >> shift
    if shift > 31:
        rounding += 1 << 30 if x >= 0 else -(1 << 30)
    assert TosaScale(multiplier, shift, True).apply(x) == (x * multiplier + rounding) >> shift


@given(int32, st.integers(-(2**40), 2**40), st.integers(1, 2**40), modes)
def test_rational_multiply(x: int, numerator: int, denominator: int, mode: Rounding) -> None:
    expected = round_fraction(Fraction(x * numerator, denominator), mode)
    assert RationalMultiply(numerator, denominator, mode).apply(x) == expected


@given(st.lists(st.integers(-20, 20)), st.integers(-25, 25))
def test_thresholds(values: list[int], x: int) -> None:
    steps = tuple(sorted(values))
    assert Thresholds(steps).apply(x) == sum(x >= t for t in values)
    assert Thresholds(steps, descending=True).apply(x) == -sum(x >= t for t in values)


def example_scalings() -> list[Scaling]:
    """One or more of each class, both directions where there are two."""
    third, eight = Float32.from_value(1 / 3), IntType(8, True)
    return [
        MultiplyShift(11, 4, Rounding.HALF_EVEN),
        MultiplyShift(-11, 4, Rounding.TOWARD_ZERO),
        DoubleRounding(3 << 29, 30, Rounding.HALF_AWAY_FROM_ZERO),
        DoubleRounding(INT32_MIN, -2, Rounding.HALF_TOWARD_POSITIVE),
        Int16Multiply(3 << 29, -1),
        Float32Multiply(third),
        Float32Multiply(Float32.from_value(-0.25)),
        Float32MultiplyAdd(third, Float32.from_value(7.5)),
        Float64Multiply(Float64.from_value(-0.3)),
        MultiplyAddShift(3, 20, 2, Rounding.FLOOR, eight),
        MultiplyAddShift(-3, 20, 2, Rounding.CEIL, eight),
        MultiplyAddShift(0, 999, 2, Rounding.CEIL, eight),
        MultiplyAddShift(-3, 20, 2, Rounding.CEIL, None),
        Shift(3, Rounding.HALF_AWAY_FROM_ZERO),
        Shift(-3, Rounding.FLOOR),
        TosaScale(3 << 29, 33, double_round=True),
        RationalMultiply(-3, 7, Rounding.HALF_TOWARD_ZERO),
        Thresholds((-4, 0, 0, 9)),
        Thresholds((-4, 0, 0, 9), descending=True),
    ]


@pytest.mark.parametrize("scaling", example_scalings(), ids=repr)
def test_direction_and_monotone_domain(scaling: Scaling) -> None:
    domain = scaling.monotone_domain
    low, high = (-300, 300) if domain is None else (max(domain.low, -300), min(domain.high, 300))
    values = [scaling.apply(x) for x in range(low, high + 1)]
    assert values == sorted(values, reverse=scaling.direction < 0)


@pytest.mark.parametrize(
    "scaling",
    [
        DoubleRounding(3 << 29, 30, Rounding.HALF_AWAY_FROM_ZERO),
        MultiplyAddShift(3, 20, 2, Rounding.FLOOR, IntType(8, True)),
        MultiplyAddShift(-3, 20, 2, Rounding.FLOOR, IntType(8, False)),
    ],
    ids=repr,
)
def test_the_monotone_domain_ends_where_words_wrap(scaling: Scaling) -> None:
    domain = scaling.monotone_domain
    assert domain is not None
    for inside, outside in ((domain.low, domain.low - 1), (domain.high, domain.high + 1)):
        step = scaling.apply(outside) - scaling.apply(inside)
        assert step * scaling.direction * (outside - inside) < 0


@pytest.mark.parametrize("bound", [1, 100, INT32_MAX])
def test_product_bits_hold_the_product(bound: int) -> None:
    interval = Interval(-bound - 1, bound)
    multiply = MultiplyShift(INT32_MAX, 31, Rounding.HALF_TOWARD_POSITIVE)
    sums = [x * INT32_MAX + half for x in (-bound - 1, bound) for half in (0, 2**30)]
    assert multiply.product_bits(interval) == Interval(min(sums), max(sums)).signed_bits
    assert DoubleRounding(INT32_MAX, 0, Rounding.HALF_AWAY_FROM_ZERO).product_bits(
        interval
    ) == multiply.product_bits(interval)
    assert Shift(0, Rounding.HALF_EVEN).product_bits(interval) == interval.signed_bits
    assert Float32Multiply(Float32.from_value(1.0)).product_bits(interval) == 48


def test_a_wrapped_product_is_bounded_by_the_word() -> None:
    scaling = DoubleRounding(2**30, 20, Rounding.HALF_AWAY_FROM_ZERO)
    assert scaling.product_bits(Interval(-(2**31), 2**31 - 1)) == 63
    assert scaling.product_bits(Interval(-1, 1)) == 52


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiplyShift(1, -1, Rounding.FLOOR), "MultiplyShift shift -1: is negative"),
        (lambda: DoubleRounding(2**31, 0, Rounding.HALF_AWAY_FROM_ZERO), "is not an int32"),
        (lambda: DoubleRounding(1, 32, Rounding.HALF_AWAY_FROM_ZERO), "is not within -31..31"),
        (lambda: DoubleRounding(1, 0, Rounding.HALF_EVEN), "is no known machine's"),
        (lambda: Int16Multiply(1, 8), "is not within -31..7"),
        (lambda: MultiplyAddShift(1, 0, -1, Rounding.FLOOR, None), "is negative"),
        (lambda: TosaScale(-1, 30, False), "is not within 0..2"),
        (lambda: TosaScale(1, 1, False), "is not within 2..62"),
        (lambda: RationalMultiply(1, 0, Rounding.FLOOR), "is not positive"),
        (lambda: Thresholds((2, 1)), "thresholds 2, 1: are out of order"),
        (lambda: Requantizer(Shift(0, Rounding.FLOOR), 0, 1, 0), r"clamp \[1, 0\]: is empty"),
    ],
)
def test_refusals(make: "object", message: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidOption, match=message):
        make()


@given(int32)
def test_requantizer_clamps(x: int) -> None:
    third = RationalMultiply(1, 3, Rounding.FLOOR)
    expected = min(max(math.floor(Fraction(x, 3)) + 5, -7), 20)
    assert Requantizer(third, 5, -7, 20).apply(x) == expected
