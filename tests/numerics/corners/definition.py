# SPDX-License-Identifier: Apache-2.0
"""The corners of a requantizer by trying every accumulator: an own definition."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import assert_never

from intaglio.numerics import float32
from intaglio.numerics.binary_format import BinaryFloat
from intaglio.numerics.corners import Bin, Corners, Event, corner_accumulators
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
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
    SaturateStep,
    Scaling,
    Shift,
    ShiftStep,
    Stages,
    Thresholds,
    TosaScale,
    WrapStep,
)
from intaglio.numerics.scalings.stages import apply_step

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
        case Stages():
            return rounded_by_steps(scaling, x)
        case Thresholds():
            return []
        case _:
            assert_never(scaling)


def rounded_by_steps(scaling: Stages, x: int) -> list[Rounded]:
    """What each shift rounds; nothing where a register cuts a value."""
    found: list[Rounded] = []
    for number, step in enumerate(scaling.steps, 1):
        result = apply_step(step, x)
        if isinstance(step, SaturateStep | WrapStep) and result != x:
            return []
        if isinstance(step, ShiftStep):
            found.append((f"{number} shift", Fraction(x, 2**step.shift), step.rounding))
        x = result
    return found


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
