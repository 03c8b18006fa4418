# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics.float32 import Float32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.derive import (
    fixed_point_mean,
    float32_mean_factor,
    float32_mean_with_zero_point,
    real_multiplier,
    scaling,
)
from intaglio.numerics.profile.schemes import (
    DoubleRoundingScheme,
    Float32Scheme,
    Float64Scheme,
    FractionScheme,
    Int16MultiplierScheme,
    MultiplyAddShiftScheme,
    MultiplyShiftScheme,
    PowerOfTwoScheme,
    RationalScheme,
    RndnuScheme,
    ScaleProduct,
    TosaScheme,
)
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Shift,
    TosaScale,
)

UP = Rounding.HALF_TOWARD_POSITIVE
WORD = Interval(-(1 << 23), (1 << 23) - 1)
SCALES = st.floats(2.0**-20, 4.0, width=32)


@given(SCALES, SCALES, SCALES)
def test_every_product_is_what_numpy_computes(left: float, right: float, output: float) -> None:
    a, b, c = (Float32.from_value(value) for value in (left, right, output))
    double = float(left) * float(right) / float(output)
    single = np.float32(left) * np.float32(right)
    assert real_multiplier(ScaleProduct.EXACT, a, c, b) == (
        Fraction(left) * Fraction(right) / Fraction(output)
    )
    assert real_multiplier(ScaleProduct.DOUBLE, a, c, b) == Fraction(double)
    assert real_multiplier(ScaleProduct.FLOAT32_PRODUCT, a, c, b) == Fraction(
        float(single) / float(output)
    )
    assert real_multiplier(ScaleProduct.FLOAT32, a, c, b) == Fraction(
        float(single / np.float32(output))
    )


def test_every_scheme_makes_its_scaling() -> None:
    third = Fraction(1, 3)
    float_third = Float32.from_fraction(third)
    assert scaling(MultiplyShiftScheme(8, UP), third, WORD) == MultiplyShift(171, 9, UP)
    assert scaling(DoubleRoundingScheme(UP), third, WORD) == DoubleRounding(1431655765, -1, UP)
    assert scaling(Int16MultiplierScheme(), third, WORD) == Int16Multiply(1431655765, -1)
    assert scaling(Float32Scheme(), third, WORD) == Float32Multiply(float_third)
    assert isinstance(scaling(Float64Scheme(), third, WORD), Float64Multiply)
    assert scaling(RationalScheme(UP), third, WORD) == RationalMultiply(1, 3, UP)
    assert scaling(RndnuScheme(), third, WORD) == MultiplyShift(11184811, 25, UP)
    assert scaling(FractionScheme(8), third, WORD) == MultiplyShift(85, 8, UP)
    assert scaling(FractionScheme(8), Fraction(5, 512), WORD) == MultiplyShift(2, 8, UP)
    assert scaling(PowerOfTwoScheme(UP), Fraction(1, 8), WORD) == Shift(3, UP)
    assert scaling(TosaScheme(False), third, WORD) == TosaScale(1431655765, 32, False)


def test_a_scale_that_is_no_power_of_two_is_no_shift() -> None:
    with pytest.raises(InvalidOption, match="not a power of two"):
        scaling(PowerOfTwoScheme(UP), Fraction(1, 3), WORD)


@pytest.mark.parametrize("bits", [8, 16, 20, 24, 29])
def test_a_multiply_add_shift_can_not_leave_its_word(bits: int) -> None:
    scheme = MultiplyAddShiftScheme(15, Rounding.FLOOR, 32)
    accumulator = Interval(-(1 << bits), 1 << bits)
    chosen = scaling(scheme, Fraction(1, 3), accumulator)
    assert isinstance(chosen, MultiplyAddShift)
    assert chosen.multiplier.bit_length() == min(15, 30 - bits)
    for end in (accumulator.low, accumulator.high):
        assert -(1 << 31) <= end * chosen.multiplier < 1 << 31


def test_a_word_without_room_for_a_multiplier_is_refused() -> None:
    with pytest.raises(InvalidOption, match="leaves no bit for a multiplier"):
        scaling(
            MultiplyAddShiftScheme(15, Rounding.FLOOR, 16),
            Fraction(1, 3),
            Interval(-(1 << 15), 1 << 15),
        )


@given(SCALES, SCALES, st.integers(1, 4096), st.integers(-128, 127), st.integers(-128, 127))
def test_float32_means_are_what_numpy_computes(
    scale: float, output: float, count: int, zero: int, output_zero: int
) -> None:
    a, b = Float32.from_value(scale), Float32.from_value(output)
    n, s, t = np.float32(count), np.float32(scale), np.float32(output)
    assert float32_mean_factor(a, b, count).value == float(s / (t * n))
    for divisor in (count, 1):
        factor, addend = float32_mean_with_zero_point(a, zero, b, output_zero, count, divisor)
        expected = s / t * (np.float32(1) / np.float32(divisor))
        assert factor.value == float(expected)
        assert addend.value == float(np.float32(output_zero) - np.float32(count * zero) * expected)


def test_the_fixed_point_mean_divides_the_multiplier() -> None:
    one = Float32.from_value(1.0)
    assert fixed_point_mean(one, one, 49) == DoubleRounding(
        (1 << 30 << 5) // 49, 1 - 5, Rounding.HALF_AWAY_FROM_ZERO
    )
