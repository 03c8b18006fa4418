# SPDX-License-Identifier: Apache-2.0
"""The smallest multiplier against a scan of every multiplier and every accumulator."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import (
    DoubleRounding,
    Float32,
    Float32Multiply,
    Int16Multiply,
    Interval,
    MultiplyShift,
    RationalMultiply,
    Requantizer,
    Rounding,
    Shift,
    Thresholds,
    TosaScale,
    equal,
    matching_multiplier,
    quantize_multiplier,
    smallest_multiplier,
)
from intaglio.numerics.multiplier_search import feasible_factors

modes = st.sampled_from(Rounding)
scales = st.fractions(-2, 2, max_denominator=40)
UP, EVEN = Rounding.HALF_TOWARD_POSITIVE, Rounding.HALF_EVEN


def scan(target: Requantizer, interval: Interval, shift: int, mode: Rounding) -> list[int]:
    """Every multiplier of at most 7 bits that equals the target at one shift."""
    wanted = [target.apply(x) for x in range(interval.low, interval.high + 1)]
    found: list[int] = []
    for multiplier in range(-127, 128):
        scaling = MultiplyShift(multiplier, shift, mode)
        candidate = Requantizer(scaling, target.zero_point, target.low, target.high)
        if all(candidate.apply(x) == value for x, value in enumerate(wanted, start=interval.low)):
            found.append(multiplier)
    return found


def between(low: int, width: int) -> Interval:
    return Interval(low, low + width)


@settings(max_examples=60)
@given(
    scales,
    st.builds(between, st.integers(-20, 8), st.integers(0, 24)),
    st.integers(-3, 3),
    st.builds(between, st.integers(-8, 0), st.integers(0, 16)),
    modes,
    modes,
)
def test_against_a_scan(
    scale: Fraction,
    interval: Interval,
    zero_point: int,
    output: Interval,
    ties: Rounding,
    rounding: Rounding,
) -> None:
    exact = RationalMultiply(scale.numerator, scale.denominator, ties)
    target = Requantizer(exact, zero_point, output.low, output.high)
    found = smallest_multiplier(
        scale, interval, zero_point, output.low, output.high, ties, rounding, 7, 6
    )
    factors = feasible_factors(target, interval, rounding)
    best: int | None = None
    for shift in range(7):
        scanned = scan(target, interval, shift, rounding)
        least, greatest = (1, 0) if factors is None else factors.multipliers(shift)
        assert scanned == [
            m
            for m in range(-127, 128)
            if (least is None or m >= least) and (greatest is None or m <= greatest)
        ]
        for multiplier in scanned:
            bits = abs(multiplier).bit_length()
            best = bits if best is None else min(best, bits)
    if found is None:
        assert best is None
        return
    assert abs(found.multiplier).bit_length() == best
    assert found.multiplier in scan(target, interval, found.shift, rounding)


@pytest.mark.parametrize("scale", [0.0072, 0.25, 0.0009765625, 0.00331])
def test_a_layers_scale_over_its_accumulators(scale: float) -> None:
    """Proved equal over all of a realistic range, by far fewer bits than 31."""
    interval = Interval(-400_000, 400_000)
    exact = Fraction(scale)
    target = Requantizer(RationalMultiply(*exact.as_integer_ratio(), UP), -3, -128, 127)
    found = smallest_multiplier(exact, interval, -3, -128, 127, UP)
    assert found is not None
    assert found.multiplier.bit_length() <= 21
    assert equal(Requantizer(found, -3, -128, 127), target, interval)
    one_less = MultiplyShift(found.multiplier - 1, found.shift, UP)
    assert not equal(Requantizer(one_less, -3, -128, 127), target, interval)


def test_half_even_ties_have_no_multiplier() -> None:
    """An exact half with ties to even is no multiply-shift that rounds halves up."""
    half = Fraction(1, 2)
    assert smallest_multiplier(half, Interval(-9, 9), 0, -128, 127, EVEN) is None
    assert smallest_multiplier(half, Interval(-9, 9), 0, -128, 127, EVEN, EVEN) == MultiplyShift(
        1, 1, EVEN
    )
    # One tie alone can be had: no other accumulator contradicts it.
    assert smallest_multiplier(half, Interval(0, 2), 0, -128, 127, EVEN) is not None


def test_limits_end_the_search() -> None:
    arguments = (Fraction(1, 3), Interval(-1000, 1000), 0, -128, 127, UP, UP)
    found = smallest_multiplier(*arguments)
    assert found is not None
    bits = found.multiplier.bit_length()
    assert smallest_multiplier(*arguments, maximum_bits=bits - 1) is None
    assert smallest_multiplier(*arguments, maximum_shift=found.shift - 1) is None
    with pytest.raises(InvalidOption, match="maximum bits -1: is negative"):
        smallest_multiplier(*arguments, maximum_bits=-1)


def test_other_requantizers_as_targets() -> None:
    interval = Interval(-30_000, 30_000)
    for scaling in (
        Float32Multiply(Float32.from_value(0.0123)),
        Float32Multiply(Float32.from_value(-0.0123)),
        Int16Multiply(*quantize_multiplier(0.0123)),
        TosaScale(2**30 + 12345, 36, double_round=False),
    ):
        target = Requantizer(scaling, 5, -128, 127)
        found = matching_multiplier(target, interval)
        assert found is not None
        assert equal(Requantizer(found, 5, -128, 127), target, interval)


def test_two_roundings_are_no_single_one() -> None:
    """The first rounding moves some ties of the second: no factor explains them all."""
    multiplier, shift = quantize_multiplier(0.0123)
    double = DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)
    target = Requantizer(double, 5, -128, 127)
    assert matching_multiplier(target, Interval(-30_000, 30_000)) is None
    few = matching_multiplier(target, Interval(-30, 30))
    assert few is not None
    assert equal(Requantizer(few, 5, -128, 127), target, Interval(-30, 30))


def test_learned_thresholds_may_be_no_line() -> None:
    line = Requantizer(Thresholds((2, 5, 8)), 0, 0, 3)
    found = matching_multiplier(line, Interval(0, 20))
    assert found is not None
    assert equal(Requantizer(found, 0, 0, 3), line, Interval(0, 20))
    bent = Requantizer(Thresholds((2, 5, 18)), 0, 0, 3)
    assert matching_multiplier(bent, Interval(0, 20)) is None


def test_constants() -> None:
    always = Requantizer(Shift(20, Rounding.FLOOR), 7, 7, 7)
    assert matching_multiplier(always, Interval(-50, 50)) == MultiplyShift(0, 0, UP)
    lifted = Requantizer(Thresholds((0,)), 0, -9, 9)
    assert matching_multiplier(lifted, Interval(0, 0)) is None
