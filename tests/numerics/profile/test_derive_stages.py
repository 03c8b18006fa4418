# SPDX-License-Identifier: Apache-2.0
"""Registers of a hardware file: what is derived from a real multiplier, and what is refused."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.derive_stages import staged_requantizer
from intaglio.numerics.profile.stages_scheme import ClampOrder, StagesScheme, ZeroPointPlace
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, round_fraction, shift_right
from intaglio.numerics.scalings import MultiplyShift

I8 = IntType(8, signed=True)
WORD = Interval(-(1 << 20), 1 << 20)
PLAIN = StagesScheme(16, Rounding.HALF_TOWARD_POSITIVE, ZeroPointPlace.AFTER_SHIFT)


def derived(scheme: StagesScheme, real: Fraction, zero_point: int = 0) -> Requantizer:
    return staged_requantizer(scheme, real, WORD, zero_point, -128, 127, I8)


@given(st.integers(-(1 << 20), 1 << 20), st.integers(-128, 127))
def test_each_place_of_the_zero_point(x: int, zero_point: int) -> None:
    real = Fraction(3, 1 << 14)
    for rounding in Rounding:
        multiplier, shift = 3 << 14, 28
        scaled = shift_right(x * multiplier, shift, rounding)
        inside = shift_right(x * multiplier + (zero_point << shift), shift, rounding)
        offset = round_fraction(zero_point / real, Rounding.HALF_EVEN)
        before = shift_right((x + offset) * multiplier, shift, rounding)
        expected = {
            ZeroPointPlace.AFTER_SHIFT: scaled + zero_point,
            ZeroPointPlace.BEFORE_SHIFT: inside,
            ZeroPointPlace.BEFORE_MULTIPLIER: before,
        }
        for place, code in expected.items():
            scheme = replace(PLAIN, rounding=rounding, zero_point=place)
            assert derived(scheme, real, zero_point).apply(x) == I8.saturate(code)


@given(
    st.fractions(Fraction(1, 1 << 20), Fraction(1, 2)),
    st.integers(2, 31),
    st.integers(-(1 << 20), 1 << 20),
    st.sampled_from(Rounding),
)
def test_plain_registers_are_the_plain_multiplier(
    real: Fraction, bits: int, x: int, rounding: Rounding
) -> None:
    from intaglio.numerics.multipliers import nearest_multiply_shift

    scheme = replace(PLAIN, multiplier_bits=bits, rounding=rounding, maximum_shift=62)
    plain = nearest_multiply_shift(real, bits, rounding)
    assert isinstance(plain, MultiplyShift)
    assert derived(scheme, real).apply(x) == I8.saturate(plain.apply(x))


def test_clamp_order_store_and_second_shift() -> None:
    real, wide = Fraction(1, 2), 1 << 12
    late = replace(PLAIN, clamp=ClampOrder.AFTER_ZERO_POINT)
    early = replace(PLAIN, clamp=ClampOrder.BEFORE_ZERO_POINT)
    assert derived(late, real, -100).apply(wide) == 127
    assert derived(early, real, -100).apply(wide) == 27
    wrapping = replace(PLAIN, store=Overflow.WRAP)
    assert derived(wrapping, real, 3).apply(300) == I8.wrap(153)
    # 5 / 4 in one rounding is 1; 5 / 2 = 2.5 -> 3, 3 / 2 = 1.5 -> 2 in two.
    twice = replace(PLAIN, minimum_shift=1, second_shift=1)
    assert derived(PLAIN, Fraction(1, 4)).apply(5) == 1
    assert derived(twice, Fraction(1, 4)).apply(5) == 2


def test_a_narrow_product_register_wraps_saturates_or_refuses() -> None:
    real = Fraction(1, 1 << 12)
    for overflow, expected in ((Overflow.WRAP, 0), (Overflow.SATURATE, 127)):
        scheme = replace(PLAIN, product_bits=35, product_overflow=overflow)
        # 2**20 * 2**15 is 2**35.
        assert derived(scheme, real).apply(1 << 20) == expected
        assert derived(scheme, real).apply(1 << 15) == 8
    with pytest.raises(InvalidOption, match=r"product_bits 35: can't hold .* give 37"):
        derived(replace(PLAIN, product_bits=35, product_overflow=Overflow.TRAP), real)


@pytest.mark.parametrize(
    ("changes", "real", "message"),
    [
        ({"maximum_shift": 20}, Fraction(1, 1 << 12), "maximum_shift 20: is short of the 27"),
        ({"minimum_shift": 20}, Fraction(1, 2), "minimum_shift 20: is above the 16"),
        (
            {"maximum_shift": 3, "normalised": False},
            Fraction(1, 1 << 12),
            "maximum_shift 3: leaves nothing of the multiplier",
        ),
        ({}, Fraction(-1, 2), "signed_multiplier false"),
    ],
)
def test_shifts_that_no_multiplier_fits_name_the_nearest_that_does(
    changes: dict[str, int], real: Fraction, message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        derived(replace(PLAIN, **changes), real)  # type: ignore[arg-type]


def test_a_signed_multiplier_has_one_bit_less() -> None:
    signed = replace(PLAIN, multiplier_bits=8, signed_multiplier=True)
    assert (
        derived(signed, Fraction(1, 3)).scaling
        == derived(replace(PLAIN, multiplier_bits=7), Fraction(1, 3)).scaling
    )
    assert derived(signed, Fraction(-1, 3)).apply(-300) == 100
