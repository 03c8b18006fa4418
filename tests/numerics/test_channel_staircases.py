# SPDX-License-Identifier: Apache-2.0
"""Staircases of all channels against those that are bisected one by one."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
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
    differences,
)
from intaglio.numerics.channel_staircases import channel_staircases, count_differences
from intaglio.numerics.scalings.double_rounding import TIES
from intaglio.numerics.staircase import staircase

modes = st.sampled_from(Rounding)
words = st.integers(-(2**31), 2**31 - 1)
shifts = st.integers(0, 45)
scalings: st.SearchStrategy[Scaling] = st.one_of(
    st.builds(MultiplyShift, st.integers(-(2**31), 2**31), shifts, modes),
    # Powers of two: every threshold is a tie.
    st.builds(MultiplyShift, st.integers(0, 5).map(lambda power: 1 << power), shifts, modes),
    st.builds(Shift, st.integers(-3, 20), modes),
    st.builds(DoubleRounding, words, st.integers(-31, 0), st.sampled_from(TIES)),
    st.builds(Int16Multiply, words, st.integers(-31, 7)),
    st.builds(TosaScale, st.integers(0, 2**31 - 1), st.integers(2, 62), st.booleans()),
    st.builds(RationalMultiply, st.integers(-99, 99), st.integers(1, 2**70), modes),
    st.builds(RationalMultiply, st.integers(-99, 99), st.integers(1, 99), modes),
    st.builds(MultiplyAddShift, words, words, shifts, modes, st.none()),
    st.builds(Float32Multiply, st.floats(-1, 1, width=32).map(Float32.from_value)),
    st.builds(Float64Multiply, st.floats(-1, 1).map(Float64.from_value)),
    st.builds(
        Float32MultiplyAdd,
        st.floats(-1, 1, width=32).map(Float32.from_value),
        st.floats(-99, 99, width=32).map(Float32.from_value),
    ),
    st.tuples(st.lists(st.integers(-300, 300), max_size=9), st.booleans()).map(
        lambda drawn: Thresholds(tuple(sorted(drawn[0])), drawn[1])
    ),
)


@st.composite
def requantizers(draw: st.DrawFn) -> Requantizer:
    low = draw(st.integers(-200, 100))
    return Requantizer(
        draw(scalings), draw(st.integers(-129, 129)), low, low + draw(st.integers(0, 300))
    )


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    magnitude = draw(st.sampled_from([0, 3, 500, 1 << 20, (1 << 31) - 1]))
    ends = sorted(draw(st.tuples(*[st.integers(-magnitude, magnitude)] * 2)))
    return Interval(ends[0], ends[1])


channels = st.lists(st.tuples(requantizers(), intervals()), min_size=1, max_size=6)


@settings(max_examples=150)
@given(channels)
def test_equal_to_bisection_in_python(given: Sequence[tuple[Requantizer, Interval]]) -> None:
    found = channel_staircases([each for each, _ in given], [interval for _, interval in given])
    assert len(found) == len(given)
    for channel, (requantizer, interval) in enumerate(given):
        expected, one = staircase(requantizer, interval), found.of(channel)
        assert (one.interval, one.base, one.thresholds) == (
            expected.interval,
            expected.base,
            expected.thresholds,
        )
        assert one.direction == (expected.direction if expected.thresholds else 1)
        assert found.top[channel] == requantizer.apply(interval.high)


@settings(max_examples=100)
@given(channels, st.data())
def test_counts_what_differs(
    given: Sequence[tuple[Requantizer, Interval]], data: st.DataObject
) -> None:
    within = [interval for _, interval in given]
    others = [data.draw(st.sampled_from([each, data.draw(requantizers())])) for each, _ in given]
    first = channel_staircases([each for each, _ in given], within)
    second = channel_staircases(others, within)
    counts = count_differences(first, second)
    for channel, (requantizer, interval) in enumerate(given):
        expected = differences(requantizer, others[channel], interval).count
        assert counts[channel] == expected
    assert (first.digest() == second.digest()) == (not counts.any())


def test_one_requantizer_serves_all_intervals() -> None:
    halves = Requantizer(Shift(1, Rounding.HALF_EVEN), 3, -2, 7)
    found = channel_staircases([halves], [Interval(-9, 0), Interval(-100, 100), Interval(5, 5)])
    assert [found.of(channel).thresholds for channel in range(3)] == [
        staircase(halves, interval).thresholds
        for interval in (Interval(-9, 0), Interval(-100, 100), Interval(5, 5))
    ]


def test_equal_functions_of_unequal_scalings_have_one_digest() -> None:
    within = [Interval(-1000, 1000)]
    shifted = [Requantizer(Shift(3, Rounding.HALF_TOWARD_POSITIVE), 0, -9, 9)]
    multiplied = [Requantizer(MultiplyShift(4, 5, Rounding.HALF_TOWARD_POSITIVE), 0, -9, 9)]
    other = [Requantizer(MultiplyShift(4, 5, Rounding.HALF_EVEN), 0, -9, 9)]
    digest = channel_staircases(shifted, within).digest()
    assert digest == channel_staircases(multiplied, within).digest()
    assert digest != channel_staircases(other, within).digest()
    assert digest != channel_staircases(shifted, [Interval(-1000, 1001)]).digest()


def test_many_channels_are_searched_in_blocks() -> None:
    scales = [Fraction(1, 50 + 7 * index) for index in range(3000)]
    each = [
        Requantizer(RationalMultiply(1, scale.denominator, Rounding.HALF_EVEN), 0, -128, 127)
        for scale in scales
    ]
    within = [Interval(-40 * index - 1, 60 * index) for index in range(3000)]
    found = channel_staircases(each, within)
    assert np.all(np.diff(found.starts) == found.counts)
    for channel in (0, 1, 999, 1027, 1028, 2999):
        assert found.of(channel).thresholds == staircase(each[channel], within[channel]).thresholds


def test_outside_the_monotone_domain_short_intervals_are_enumerated() -> None:
    wraps = Requantizer(MultiplyAddShift(3, 0, 1, Rounding.FLOOR, IntType(8, True)), 0, -64, 63)
    rising, falling = Interval(-50, -43), Interval(-50, 50)
    found = channel_staircases([wraps, wraps], [rising, Interval(-5, 5)])
    assert found.of(0).thresholds == staircase(wraps, rising).thresholds
    with pytest.raises(InvalidOption, match="rises and falls"):
        channel_staircases([wraps], [falling])


@pytest.mark.parametrize(
    ("requantizer", "interval", "found"),
    [
        (Requantizer(Shift(0, Rounding.FLOOR), 0, -1, 1), Interval(0, 1 << 62), "exceeds 62 bits"),
        (Requantizer(Shift(0, Rounding.FLOOR), 0, 0, 1 << 62), Interval(0, 1), "exceeds 62 bits"),
        (Requantizer(Shift(0, Rounding.FLOOR), 0, 0, 1 << 60), Interval(0, 1 << 40), "too many"),
    ],
)
def test_refusals(requantizer: Requantizer, interval: Interval, found: str) -> None:
    with pytest.raises(InvalidOption, match=found):
        channel_staircases([requantizer], [interval])
    with pytest.raises(InvalidOption, match="don't belong together"):
        channel_staircases([requantizer] * 2, [interval] * 3)
