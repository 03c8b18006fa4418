# SPDX-License-Identifier: Apache-2.0
"""Corners against every accumulator of small intervals, classified by an own definition."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import assert_never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.numerics import float32
from intaglio.numerics.binary_format import BinaryFloat
from intaglio.numerics.corners import Bin, Corners, Event, corner_accumulators
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, round_fraction
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Scaling,
    Shift,
    Stages,
    Thresholds,
    TosaScale,
)

NEAREST: dict[Event, Callable[[Fraction], Fraction | None]] = {
    Event.ABOVE_INTEGER: lambda part: part if 0 < part < Fraction(1, 2) else None,
    Event.BELOW_HALF: lambda part: Fraction(1, 2) - part if 0 < part < Fraction(1, 2) else None,
    Event.ABOVE_HALF: lambda part: part - Fraction(1, 2) if part > Fraction(1, 2) else None,
    Event.BELOW_INTEGER: lambda part: 1 - part if part > Fraction(1, 2) else None,
}

Rounded = tuple[str, Fraction, Rounding]
"""A stage's name, the exact number that it rounds, and how."""


def rounded_by(scaling: Scaling, x: int) -> list[Rounded]:
    """What each stage of a scaling rounds at an accumulator: written from the equations."""
    match scaling:
        case MultiplyShift():
            return [("shift", Fraction(x * scaling.multiplier, 2**scaling.shift), scaling.rounding)]
        case Shift():
            return [("shift", x / Fraction(2) ** scaling.shift, scaling.rounding)]
        case RationalMultiply():
            quotient = Fraction(x * scaling.numerator, scaling.denominator)
            return [("divide", quotient, scaling.rounding)]
        case Int16Multiply():
            quotient = Fraction(x * scaling.reduced_multiplier, 2**scaling.total_shift)
            return [("shift", quotient, Rounding.HALF_TOWARD_POSITIVE)]
        case MultiplyAddShift():
            total = x * scaling.multiplier + scaling.addend
            return [("shift", Fraction(total, 2**scaling.shift), scaling.rounding)]
        case TosaScale():
            extra = 0
            if scaling.double_round and scaling.shift > 31:
                extra = 2**30 if x >= 0 else -(2**30)
            quotient = Fraction(x * scaling.multiplier + extra, 2**scaling.shift)
            return [("shift", quotient, Rounding.HALF_TOWARD_POSITIVE)]
        case DoubleRounding():
            product = Fraction((x << max(scaling.shift, 0)) * scaling.multiplier, 2**31)
            high = round_fraction(product, Rounding.HALF_TOWARD_POSITIVE)
            up = ("high multiply", product, Rounding.HALF_TOWARD_POSITIVE)
            return [up, ("shift", Fraction(high, 2 ** max(-scaling.shift, 0)), scaling.ties)]
        case Float32Multiply():
            product = float32.multiply(Float32.from_integer(x), scaling.factor).fraction
            last = ("integer", product, Rounding.HALF_EVEN)
            return [*rounded_by_product(scaling.factor, x), last]
        case Float64Multiply():
            double = float32.multiply(Float64.from_integer(x), scaling.factor).fraction
            last = ("integer", double, Rounding.HALF_AWAY_FROM_ZERO)
            return [*rounded_by_product(scaling.factor, x), last]
        case Float32MultiplyAdd():
            single = float32.multiply(Float32.from_integer(x), scaling.factor)
            last = ("integer", float32.add(single, scaling.addend).fraction, scaling.rounding)
            return [*rounded_by_product(scaling.factor, x), last]
        case Thresholds() | Stages():
            return []
        case _:
            assert_never(scaling)


def rounded_by_product(factor: BinaryFloat, x: int) -> list[Rounded]:
    """In units of the last place that is kept; what needs no more bits than a float is exact."""
    precision, converted = factor.form.precision, factor.from_integer(x).fraction
    found: list[Rounded] = []
    if abs(x) > 1 << precision:
        unit = 1 << (abs(x).bit_length() - precision)
        found.append(("convert", Fraction(x, unit), Rounding.HALF_EVEN))
    product = converted * factor.fraction
    if product:
        lowest = Fraction(2) ** factor.form.lowest_exponent
        last_place = max(lowest, Fraction(2) ** (_exponent(abs(product)) - precision + 1))
        found.append(("product", product / last_place, Rounding.HALF_EVEN))
    return found


def _exponent(value: Fraction) -> int:
    """The greatest power of two within a positive number."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if value >= Fraction(2) ** guess else guess - 1


def visible(requantizer: Requantizer, accumulators: Iterable[int]) -> list[int]:
    def code(x: int) -> int:
        return requantizer.scaling.apply(x) + requantizer.zero_point

    domain = requantizer.scaling.monotone_domain
    monotone = [x for x in accumulators if domain is None or domain.contains(x)]
    inside = [x for x in monotone if requantizer.low < code(x) < requantizer.high]
    return inside or [x for x in monotone if requantizer.low <= code(x) <= requantizer.high]


def rounding_bins(requantizer: Requantizer, accumulators: Iterable[int]) -> dict[Bin, set[int]]:
    """All accumulators of each rounding bin; of the nearest ones, those that are nearest."""
    found: dict[Bin, set[int]] = {}
    distances: dict[Bin, Fraction] = {}
    for x in visible(requantizer, accumulators):
        for stage, number, mode in rounded_by(requantizer.scaling, x):
            if number == 0:
                continue
            sign = "negative" if number < 0 else "positive"
            floor, part = number.numerator // number.denominator, number % 1
            if part == 0:
                found.setdefault(Bin(stage, Event.EXACT, sign), set()).add(x)
            if part == Fraction(1, 2):
                event = Event.TIE_ON_ODD if floor % 2 else Event.TIE_ON_EVEN
                found.setdefault(Bin(stage, event, sign), set()).add(x)
            for event, distance in NEAREST.items():
                away, bin = distance(part), Bin(stage, event, sign)
                if away is not None and away <= distances.get(bin, Fraction(1)):
                    if away < distances.get(bin, Fraction(1)):
                        found[bin] = set()
                    distances[bin] = away
                    found[bin].add(x)
            if round_fraction(number, mode) > floor:
                if floor == -1:
                    found.setdefault(Bin(stage, Event.CARRY, "all bits"), set()).add(x)
                ones = (~floor & (floor + 1)).bit_length() - 1
                if floor > 0 and ones:
                    found.setdefault(Bin(stage, Event.CARRY, f"{ones} bits"), set()).add(x)
    return found


ROUNDING_EVENTS = {*NEAREST, Event.EXACT, Event.TIE_ON_EVEN, Event.TIE_ON_ODD, Event.CARRY}


def check(requantizer: Requantizer, interval: Interval, step: int = 1) -> Corners:
    """Every bin that is hit is hit, and every bin that is called impossible never is."""
    corners = corner_accumulators(requantizer, interval, step)
    accumulators = range(interval.low, interval.high + 1, step)
    expected = rounding_bins(requantizer, accumulators)
    hit = {each.bin: each.accumulator for each in corners.hits if each.bin.event in ROUNDING_EVENTS}
    assert not corners.undecided
    assert set(hit) == set(expected)
    for bin, accumulator in hit.items():
        assert accumulator in expected[bin], bin
    assert not {each.bin for each in corners.impossible} & set(expected)
    assert all(each.accumulator in accumulators for each in corners.hits)
    check_codes(requantizer, corners, accumulators)
    return corners


def check_codes(requantizer: Requantizer, corners: Corners, accumulators: Iterable[int]) -> None:
    domain = requantizer.scaling.monotone_domain
    codes = {
        x: requantizer.scaling.apply(x) + requantizer.zero_point
        for x in accumulators
        if domain is None or domain.contains(x)
    }
    wanted = {
        Event.LOW_CLAMPED: requantizer.low - 1,
        Event.LOW_REACHED: requantizer.low,
        Event.LOW_INSIDE: requantizer.low + 1,
        Event.HIGH_INSIDE: requantizer.high - 1,
        Event.HIGH_REACHED: requantizer.high,
        Event.HIGH_CLAMPED: requantizer.high + 1,
        Event.ZERO_POINT: requantizer.zero_point,
    }
    hits = {each.bin: each.accumulator for each in corners.hits}
    for event, code in wanted.items():
        run = [x for x, found in codes.items() if found == code]
        first, last = Bin("clamp", event, "first"), Bin("clamp", event, "last")
        assert hits.get(first) == (min(run) if run else None)
        assert hits.get(last) == (max(run) if run else None)


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
