# SPDX-License-Identifier: Apache-2.0
"""Corners against every accumulator of small intervals, classified by an own definition."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.numerics import float32
from intaglio.numerics.corners import Event, corner_accumulators
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    AddStep,
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    MultiplyStep,
    RationalMultiply,
    SaturateStep,
    Shift,
    ShiftStep,
    Stages,
    Thresholds,
    TosaScale,
    WrapStep,
)
from tests.numerics.corners.definition import check

MODES = list(Rounding)
WIDE = Interval(-700, 800)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("multiplier", "shift"), [(77, 9), (-77, 9), (96, 10), (1, 1), (3, 0)])
def test_multiply_shift(mode: Rounding, multiplier: int, shift: int) -> None:
    scaling = MultiplyShift(multiplier, shift, mode)
    check(Requantizer(scaling, 3, -20, 25), WIDE)
    check(Requantizer(scaling, 0, -(1 << 20), 1 << 20), WIDE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", [2, 3, 8])
def test_only_accumulators_of_the_progression(mode: Rounding, step: int) -> None:
    check(Requantizer(MultiplyShift(77, 9, mode), 3, -20, 25), Interval(-701, 800), step)
    check(Requantizer(RationalMultiply(5, 28, mode), 0, -20, 25), Interval(-700, 800), step)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("numerator", "denominator"), [(3, 14), (5, 7), (1, 49), (-3, 10), (2, 1)])
def test_rational(mode: Rounding, numerator: int, denominator: int) -> None:
    scaling = RationalMultiply(numerator, denominator, mode)
    check(Requantizer(scaling, -1, -30, 30), WIDE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shift", [-2, 0, 1, 4])
def test_shift(mode: Rounding, shift: int) -> None:
    check(Requantizer(Shift(shift, mode), 5, -30, 30), WIDE)


@pytest.mark.parametrize("mode", MODES)
def test_multiply_add_shift_within_its_word(mode: Rounding) -> None:
    check(Requantizer(MultiplyAddShift(13, 100, 5, mode, IntType(12, True)), 0, -30, 30), WIDE)
    check(Requantizer(MultiplyAddShift(-13, 100, 5, mode, None), 0, -30, 30), WIDE)


@pytest.mark.parametrize(
    "ties",
    [
        Rounding.HALF_AWAY_FROM_ZERO,
        Rounding.HALF_TOWARD_POSITIVE,
        Rounding.FLOOR,
    ],
)
@pytest.mark.parametrize("shift", [-5, -1, 0])
@pytest.mark.parametrize("multiplier", [1 << 30, (1 << 30) + (1 << 22), 1518500250, (1 << 31) - 1])
def test_double_rounding(multiplier: int, shift: int, ties: Rounding) -> None:
    check(Requantizer(DoubleRounding(multiplier, shift, ties), 2, -15, 20), WIDE)


def test_double_rounding_that_shifts_left_wraps() -> None:
    scaling = DoubleRounding(1 << 30, 21, Rounding.HALF_AWAY_FROM_ZERO)
    corners = check(Requantizer(scaling, 0, -(1 << 31), (1 << 31) - 1), Interval(-1030, 1030))
    hits = {str(each.bin): each.accumulator for each in corners.hits}
    assert hits["word: last within the word, negative"] == -1024
    assert hits["word: first beyond the word, negative"] == -1025
    assert hits["word: last within the word, positive"] == 1023
    assert hits["word: first beyond the word, positive"] == 1024


@pytest.mark.parametrize("double_round", [False, True])
@pytest.mark.parametrize(("multiplier", "shift"), [(1 << 30, 33), ((1 << 30) + 7, 36), (77, 9)])
def test_tosa(multiplier: int, shift: int, double_round: bool) -> None:
    check(Requantizer(TosaScale(multiplier, shift, double_round), 1, -30, 30), WIDE)


def test_int16() -> None:
    check(Requantizer(Int16Multiply(3 << 29, -2), 0, -30, 30), WIDE)


@pytest.mark.parametrize("factor", [0.5, 0.0625, 0.3, 1.0, 1.5, 0.0546875, -0.3, 0.1])
def test_floats(factor: float) -> None:
    check(Requantizer(Float32Multiply(Float32.from_value(factor)), 3, -30, 30), WIDE)
    check(Requantizer(Float64Multiply(Float64.from_value(factor)), 3, -30, 30), WIDE)
    for mode in (Rounding.HALF_EVEN, Rounding.HALF_AWAY_FROM_ZERO):
        scaling = Float32MultiplyAdd(Float32.from_value(factor), Float32.from_value(7.0), mode)
        check(Requantizer(scaling, 0, -30, 30), WIDE)


def test_products_that_round_to_a_half_are_ties() -> None:
    """No integer times 0.3 in float32 is a half, but 5 products in 3,000 are rounded to one."""
    scaling = Float32Multiply(Float32.from_value(0.3))
    corners = check(Requantizer(scaling, 0, -1000, 1000), Interval(-3000, 3000))
    ties = [x.accumulator for x in corners.hits if str(x.bin).startswith("integer: tie")]
    assert ties
    for x in ties:
        exact = x * scaling.factor.fraction
        assert exact.denominator != 2
        assert float32.multiply(Float32.from_integer(x), scaling.factor).fraction.denominator == 2


def test_accumulators_of_more_bits_than_a_float() -> None:
    start = (1 << 25) - 300
    scaling = Float32Multiply(Float32.from_value(0.3 / (1 << 16)))
    for low in (start, -start - 600):
        check(Requantizer(scaling, 0, -200, 200), Interval(low, low + 600))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", [1, 3])
def test_stages(mode: Rounding, step: int) -> None:
    """A pre-shift, a multiplier in a register, a shift; and a saturated product."""
    for register in (
        (WrapStep(IntType(12, True)),),
        (SaturateStep(IntType(11, True)),),
        (SaturateStep(IntType(10, True)), AddStep(100), WrapStep(IntType(9, True))),
    ):
        steps = (
            AddStep(5),
            ShiftStep(2, mode),
            MultiplyStep(-11),
            *register,
            AddStep(3),
            ShiftStep(5, mode),
        )
        check(Requantizer(Stages(steps), 1, -40, 40), Interval(-701, 800), step)


def test_registers_of_stages() -> None:
    steps = (MultiplyStep(3), SaturateStep(IntType(8, True)), ShiftStep(2, Rounding.HALF_EVEN))
    corners = check(Requantizer(Stages(steps), 0, -100, 100), Interval(-50, 60))
    hits = {str(each.bin): each.accumulator for each in corners.hits}
    assert hits["2 saturate: last within the word, positive"] == 42
    assert hits["2 saturate: first beyond the word, positive"] == 43
    assert hits["2 saturate: last within the word, negative"] == -42
    assert hits["2 saturate: first beyond the word, negative"] == -43
    assert hits["1 multiply of 9 bits: first beyond the word, positive"] == 43


def test_a_stage_behind_a_shift_that_skips_values_is_left_undecided() -> None:
    steps = (MultiplyStep(9), ShiftStep(1, Rounding.FLOOR), ShiftStep(2, Rounding.HALF_EVEN))
    corners = corner_accumulators(Requantizer(Stages(steps), 0, -99, 99), Interval(-50, 60))
    assert {bin.stage for bin in corners.undecided} == {"3 shift"}


def test_thresholds() -> None:
    requantizer = Requantizer(Thresholds((-700, -5, 0, 0, 9, 900)), -3, -3, 3)
    hits = {str(x.bin): x.accumulator for x in check(requantizer, WIDE).hits}
    assert hits["thresholds: on a step, step 1"] == -5
    assert hits["thresholds: one below a step, step 1"] == -6
    assert "thresholds: one below a step, step 0" not in hits
    assert "thresholds: on a step, step 5" not in hits


@settings(max_examples=150, deadline=None)
@given(
    multiplier=st.integers(-(1 << 14), 1 << 14),
    shift=st.integers(0, 16),
    low=st.integers(-400, 400),
    width=st.integers(0, 300),
    mode=st.sampled_from(MODES),
    zero_point=st.integers(-20, 20),
    step=st.integers(1, 5),
)
def test_any_multiply_shift(
    multiplier: int, shift: int, low: int, width: int, mode: Rounding, zero_point: int, step: int
) -> None:
    scaling = MultiplyShift(multiplier, shift, mode)
    check(Requantizer(scaling, zero_point, -100, 90), Interval(low, low + width), step)


@settings(max_examples=100, deadline=None)
@given(
    factor=st.floats(2.0**-12, 4.0, width=32),
    low=st.integers(-400, 400),
    width=st.integers(0, 300),
    step=st.integers(1, 5),
)
def test_any_float(factor: float, low: int, width: int, step: int) -> None:
    single, double = Float32.from_value(factor), Float64.from_value(factor)
    check(Requantizer(Float32Multiply(single), 1, -50, 50), Interval(low, low + width), step)
    check(Requantizer(Float64Multiply(double), 1, -50, 50), Interval(low, low + width), step)


@pytest.mark.parametrize("multiplier", [1 << 30, 1431655765, 1518500249, (1 << 31) - 1])
@pytest.mark.parametrize("shift", [32, 36, 44])
def test_full_width_hits_are_what_they_say(multiplier: int, shift: int) -> None:
    """On 2**32 accumulators, nothing can be enumerated: each hit is checked by itself."""
    requantizer = Requantizer(MultiplyShift(multiplier, shift, Rounding.HALF_EVEN), 0, -128, 127)
    corners = corner_accumulators(requantizer, INT32.interval)
    assert not corners.undecided
    for hit in corners.hits:
        part = Fraction(hit.accumulator * multiplier, 1 << shift) % 1
        match hit.bin.event:
            case Event.EXACT:
                assert part == 0
            case Event.TIE_ON_EVEN | Event.TIE_ON_ODD:
                assert part == Fraction(1, 2)
            case _:
                pass
    ties = [x for x in corners.impossible if "tie" in str(x.bin)]
    # A tie needs 2**(shift - 1 - zeros) to divide x, which puts the result beyond the clamp.
    zeros = (multiplier & -multiplier).bit_length() - 1
    assert bool(ties) == ((1 << max(shift - 1 - zeros, 0)) * multiplier >> shift > 127)
