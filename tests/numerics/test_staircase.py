# SPDX-License-Identifier: Apache-2.0
"""Staircases against a scan of every accumulator."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import (
    INT32,
    Differences,
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
    differences,
    equal,
    nearest_multiply_shift,
    quantize_multiplier,
    thresholds,
)
from intaglio.numerics.staircase import staircase

modes = st.sampled_from(Rounding)
small = st.integers(-9, 9)
factors = st.floats(-1.5, 1.5, width=32)
EVERY_INT32 = INT32.interval
UP, AWAY = Rounding.HALF_TOWARD_POSITIVE, Rounding.HALF_AWAY_FROM_ZERO

monotone_scalings: st.SearchStrategy[Scaling] = st.one_of(
    st.builds(MultiplyShift, st.integers(-300, 300), st.integers(0, 9), modes),
    st.builds(DoubleRounding, st.integers(2**30, 2**31 - 1), st.integers(-6, 2), st.just(AWAY)),
    st.builds(DoubleRounding, st.just(2**30), st.integers(-6, 2), st.just(UP)),
    st.builds(Int16Multiply, st.integers(2**30, 2**31 - 1), st.integers(-6, 1)),
    st.builds(Float32Multiply, st.builds(Float32.from_value, factors)),
    st.builds(Float64Multiply, st.builds(Float64.from_value, factors)),
    st.builds(
        Float32MultiplyAdd,
        st.builds(Float32.from_value, factors),
        st.builds(Float32.from_value, st.floats(-9, 9, width=32)),
    ),
    st.builds(MultiplyAddShift, small, st.integers(-99, 99), st.just(3), modes, st.none()),
    st.builds(Shift, st.integers(-2, 6), modes),
    st.builds(TosaScale, st.integers(2**30, 2**31 - 1), st.integers(30, 36), st.booleans()),
    st.builds(RationalMultiply, st.integers(-9, 9), st.integers(1, 20), modes),
    st.builds(
        Thresholds,
        st.lists(st.integers(-50, 50)).map(lambda values: tuple(sorted(values))),
        st.booleans(),
    ),
)


def clamped(scaling: Scaling, zero_point: int, low: int, width: int) -> Requantizer:
    return Requantizer(scaling, zero_point, low, low + width)


def between(low: int, width: int) -> Interval:
    return Interval(low, low + width)


requantizers = st.builds(
    clamped, monotone_scalings, st.integers(-9, 9), st.integers(-20, 10), st.integers(0, 40)
)
intervals = st.builds(between, st.integers(-90, 60), st.integers(0, 90))


@given(requantizers, intervals)
def test_a_staircase_is_the_requantizer(requantizer: Requantizer, interval: Interval) -> None:
    stairs = staircase(requantizer, interval)
    same = stairs.requantizer()
    covered: list[int] = []
    for run, value in stairs.runs():
        for x in range(run.low, run.high + 1):
            covered.append(x)
            assert requantizer.apply(x) == value == stairs.apply(x) == same.apply(x)
    assert covered == list(range(interval.low, interval.high + 1))
    values = [value for _, value in stairs.runs()]
    assert len(values) == len(set(values)), "runs are maximal"


@given(requantizers, requantizers, intervals)
def test_differences_are_counted_exactly(
    a: Requantizer, b: Requantizer, interval: Interval
) -> None:
    differing = [x for x in range(interval.low, interval.high + 1) if a.apply(x) != b.apply(x)]
    expected = Differences(len(differing), differing[0] if differing else None)
    assert differences(a, b, interval) == expected
    assert equal(a, b, interval) == (not differing)


def test_directions_may_be_opposite() -> None:
    rising = Requantizer(Shift(1, Rounding.FLOOR), 0, -3, 3)
    falling = Requantizer(MultiplyShift(-1, 1, Rounding.CEIL), 0, -3, 3)
    assert thresholds(falling, Interval(-9, 9)) == (-4, -2, 0, 2, 4, 6)
    assert differences(rising, falling, Interval(-9, 9)) == Differences(17, -9)
    assert differences(rising, falling, Interval(0, 1)) == Differences(0, None)


def test_a_step_of_more_than_one_repeats_its_threshold() -> None:
    doubled = Requantizer(Shift(-1, Rounding.FLOOR), 0, -128, 127)
    assert thresholds(doubled, Interval(0, 3)) == (1, 1, 2, 2, 3, 3)


def test_all_int32_accumulators_of_two_runtimes() -> None:
    """An exact half: gemmlowp's first rounding goes up, as single rounding does."""
    half = Fraction(1, 2)
    multiplier, shift = quantize_multiplier(float(half))
    double = Requantizer(DoubleRounding(multiplier, shift, AWAY), 0, -128, 127)
    single = Requantizer(nearest_multiply_shift(half), 0, -128, 127)
    even = Requantizer(Float32Multiply(Float32.from_fraction(half)), 0, -128, 127)
    assert equal(double, single, EVERY_INT32)
    # Half even differs on every other tie: x = 4k + 1, wherever the clamp doesn't hide it.
    ties = [x for x in range(-300, 300) if single.apply(x) != even.apply(x)]
    assert differences(single, even, EVERY_INT32) == Differences(len(ties), ties[0])
    assert len(ties) == 128


def test_known_count_over_a_quarter() -> None:
    quarter = Requantizer(DoubleRounding(2**30, -1, AWAY), 0, -128, 127)
    single = Requantizer(nearest_multiply_shift(Fraction(1, 4)), 0, -128, 127)
    found = differences(quarter, single, EVERY_INT32)
    scanned = [x for x in range(-600, 600) if quarter.apply(x) != single.apply(x)]
    assert found == Differences(len(scanned), scanned[0])


@pytest.mark.parametrize(
    "scaling",
    [
        DoubleRounding(2**30, 20, AWAY),
        MultiplyAddShift(3, 5, 2, Rounding.FLOOR, IntType(12, True)),
        Int16Multiply(2**30, 0),
    ],
)
def test_beyond_the_monotone_domain_long_intervals_are_refused(scaling: Scaling) -> None:
    domain = scaling.monotone_domain
    assert domain is not None
    requantizer = Requantizer(scaling, 0, -128, 127)
    beyond = Interval(domain.high - 70_000, domain.high + 70_000)
    with pytest.raises(InvalidOption, match="too long to enumerate"):
        staircase(requantizer, beyond)
    with pytest.raises(InvalidOption, match="too long to enumerate"):
        differences(requantizer, requantizer, beyond)


def test_beyond_the_monotone_domain_short_intervals_are_enumerated() -> None:
    wrapping = Requantizer(MultiplyAddShift(1, 0, 2, Rounding.FLOOR, IntType(6, True)), 0, -99, 99)
    plain = Requantizer(Shift(2, Rounding.FLOOR), 0, -99, 99)
    assert differences(wrapping, plain, Interval(-40, 40)) == Differences(8 + 9, -40)
    with pytest.raises(InvalidOption, match="both rises and falls"):
        staircase(wrapping, Interval(-40, 40))
    assert thresholds(wrapping, Interval(32, 60)) == (36, 40, 44, 48, 52, 56, 60)


def test_an_accumulator_outside_the_interval_is_refused() -> None:
    stairs = staircase(Requantizer(Shift(2, Rounding.FLOOR), 0, -9, 9), Interval(0, 10))
    with pytest.raises(InvalidOption, match=r"accumulator 11: is outside \[0, 10\]"):
        stairs.apply(11)


def test_sixteen_bit_outputs() -> None:
    requantizer = Requantizer(nearest_multiply_shift(Fraction(1, 77)), 0, -(2**15), 2**15 - 1)
    found = thresholds(requantizer, EVERY_INT32)
    assert len(found) == 2**16 - 1
    assert all(
        requantizer.apply(t) == requantizer.apply(t - 1) + 1 for t in found[:: len(found) // 97]
    )
