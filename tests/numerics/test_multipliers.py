# SPDX-License-Identifier: Apache-2.0
"""Multipliers from scales: edges, and what the last bit depends on."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import (
    Float32,
    IntType,
    MultiplyAddShift,
    MultiplyShift,
    PowerOfTwo,
    RationalMultiply,
    Rounding,
    Shift,
    TosaScale,
    dory,
    double_multiplier,
    double_ratio,
    exact_multiplier,
    float_multiplier,
    float_product_multiplier,
    nearest_multiply_shift,
    nemo,
    power_of_two_shift,
    quantize_multiplier,
    rational,
    rndnu,
    single_rounding,
    tosa_scale,
)

UP, FLOOR = Rounding.HALF_TOWARD_POSITIVE, Rounding.FLOOR
scales = st.floats(2**-30, 2**10, width=32).map(Float32.from_value)
positive = st.fractions(Fraction(1, 2**40), 2**20)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**30, 0)),
        (1.0, (2**30, 1)),
        (-0.75, (-3 * 2**29, 0)),
        (math.nextafter(1.0, 0.0), (2**30, 1)),  # the significand rounds up to 2**31
        (2.0**-32, (2**30, -31)),
        (math.nextafter(2.0**-32, 0.0), (2**30, -31)),  # rounds up before it would be flushed
        (2.0**-32 * (1 - 2.0**-32), (2**30, -31)),  # a tie, away from zero
        (2.0**-32 * (1 - 2.0**-31), (0, 0)),
        (2.0**-33, (0, 0)),
        (2.0**35, (2**30, 36)),
        ((2**30 + 0.5) / 2**31, (2**30 + 1, 0)),  # a tie, away from zero
        (-(2**30 + 0.5) / 2**31, (-(2**30) - 1, 0)),
    ],
)
def test_quantize_multiplier(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected


def test_the_single_rounding_build_saturates() -> None:
    assert quantize_multiplier(2.0**30, single_rounding=True) == (2**31 - 1, 30)
    assert quantize_multiplier(2.0**29, single_rounding=True) == (2**30, 30)
    assert single_rounding(0.75) == MultiplyShift(3 * 2**29, 31, UP)


@given(st.floats(2**-31, 2**20))
def test_quantize_multiplier_is_nearest(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    unit = Fraction(2) ** (shift - 31)
    assert abs(multiplier * unit - Fraction(real)) <= unit / 2


@pytest.mark.parametrize("real", [math.nan, math.inf])
def test_quantize_multiplier_refuses(real: float) -> None:
    with pytest.raises(InvalidOption, match="is not finite"):
        quantize_multiplier(real)


@given(scales, scales, scales)
def test_products_are_those_of_c(s_in: Float32, s_w: Float32, s_out: Float32) -> None:
    a, b, c = (np.float32(scale.value) for scale in (s_in, s_w, s_out))
    assert double_multiplier(s_in, s_w, s_out).value == float(a) * float(b) / float(c)
    assert float_product_multiplier(s_in, s_w, s_out).value == float(a * b) / float(c)
    assert double_ratio(s_in, s_out).value == float(a) / float(c)
    assert float_multiplier(s_in, s_w, s_out).value == float(a * b / c)
    exact = exact_multiplier(s_in, s_w, s_out)
    assert exact == Fraction(float(a)) * Fraction(float(b)) / Fraction(float(c))


def test_products_differ_in_the_last_bit() -> None:
    s_in, s_w, s_out = (Float32.from_value(v) for v in (0.1, 0.3, 0.7))
    double = double_multiplier(s_in, s_w, s_out).value
    product = float_product_multiplier(s_in, s_w, s_out).value
    assert double != product
    assert quantize_multiplier(double) != quantize_multiplier(product)


def test_a_zero_output_scale_is_refused() -> None:
    one, zero = Float32.from_value(1.0), Float32.from_value(0.0)
    for derive in (exact_multiplier, double_multiplier, float_product_multiplier):
        with pytest.raises(InvalidOption, match=r"output scale 0\.0: is zero"):
            derive(one, one, zero)


@given(scales)
def test_rndnu_is_the_float_itself(factor: Float32) -> None:
    scaling = rndnu(factor)
    assert Fraction(scaling.multiplier, 2**scaling.shift) == factor.fraction
    fields = (factor.bits & 0x7FFFFF) | 0x800000
    if factor.value < 2**23:
        assert (scaling.multiplier, scaling.shift) == (fields, 150 - (factor.bits >> 23))


def test_rndnu_of_large_factors_needs_no_shift() -> None:
    assert rndnu(Float32.from_value(-(2.0**30))) == MultiplyShift(-(2**30), 0, UP)


@given(positive, st.integers(2, 40), st.sampled_from([1, -1]))
def test_nearest_multiply_shift(scale: Fraction, bits: int, sign: int) -> None:
    if scale > 2 ** (bits - 1):
        return
    found = nearest_multiply_shift(sign * scale, bits, maximum_shift=200)
    assert abs(found.multiplier).bit_length() == bits
    error = abs(Fraction(found.multiplier, 2**found.shift) - sign * scale)
    assert error <= Fraction(1, 2 ** (found.shift + 1))


def test_nearest_multiply_shift_edges() -> None:
    assert nearest_multiply_shift(Fraction(0)) == MultiplyShift(0, 0, UP)
    assert nearest_multiply_shift(Fraction(255, 256), bits=4) == MultiplyShift(8, 3, UP)
    assert nearest_multiply_shift(Fraction(1, 2**40)) == MultiplyShift(2**22, 62, UP)
    assert nearest_multiply_shift(Fraction(1, 2**70)) == MultiplyShift(0, 62, UP)
    with pytest.raises(InvalidOption, match="needs more than 4 bits"):
        nearest_multiply_shift(Fraction(16), bits=4)
    with pytest.raises(InvalidOption, match="multiplier bits 0"):
        nearest_multiply_shift(Fraction(1), bits=0)


@given(st.floats(2**-30, 2**20))
def test_the_default_is_the_single_rounding_build(real: float) -> None:
    assert nearest_multiply_shift(Fraction(real)) == single_rounding(real)


def test_tosa_scale() -> None:
    assert tosa_scale(Fraction(1, 2), True) == TosaScale(2**30, 31, True)
    assert tosa_scale(Fraction(1, 2**40), False) == TosaScale(2**22, 62, False)
    assert tosa_scale(Fraction(0), False) == TosaScale(0, 62, False)
    for scale in (Fraction(-1), Fraction(2**29)):
        with pytest.raises(InvalidOption):
            tosa_scale(scale, False)


@pytest.mark.parametrize(
    ("scale", "nearest", "ceil"),
    [
        (Fraction(1), 0, 0),
        (Fraction(1, 4), 2, 2),
        (Fraction(3, 8), 1, 1),  # 0.375 is above sqrt(1/8)
        (Fraction(1, 3), 2, 1),
        (Fraction(7, 5), 0, -1),
        (Fraction(3, 2), -1, -1),
        (Fraction(100), -7, -7),
    ],
)
def test_power_of_two_shift(scale: Fraction, nearest: int, ceil: int) -> None:
    assert power_of_two_shift(scale, UP, PowerOfTwo.NEAREST) == Shift(nearest, UP)
    assert power_of_two_shift(scale, UP, PowerOfTwo.CEIL) == Shift(ceil, UP)
    if scale.numerator == 1 and scale.denominator.bit_count() == 1:
        assert power_of_two_shift(scale, UP, PowerOfTwo.EXACT) == Shift(nearest, UP)
    else:
        with pytest.raises(InvalidOption, match="is not a power of two"):
            power_of_two_shift(scale, UP, PowerOfTwo.EXACT)


@pytest.mark.parametrize("scale", [Fraction(0), Fraction(-1)])
def test_logarithms_refuse_what_has_none(scale: Fraction) -> None:
    with pytest.raises(InvalidOption, match="is not positive"):
        power_of_two_shift(scale, UP, PowerOfTwo.NEAREST)
    with pytest.raises(InvalidOption, match="is not positive"):
        nemo(scale, 16)


def test_rational() -> None:
    assert rational(Fraction(-6, 8)) == RationalMultiply(-3, 4, Rounding.HALF_EVEN)


def test_dory() -> None:
    found = dory(Fraction(3, 10), Fraction(5, 2), 8, 24, IntType(32, True))
    assert found == MultiplyAddShift(154, 1280, 9, FLOOR, IntType(32, True))


def test_nemo() -> None:
    assert nemo(Fraction(3, 10), 16) == MultiplyShift(19, 6, FLOOR)
    assert nemo(Fraction(1, 4), 16) == MultiplyShift(16, 6, FLOOR)
    with pytest.raises(InvalidOption, match="is above the requantization factor"):
        nemo(Fraction(40), 16)
