# SPDX-License-Identifier: Apache-2.0
"""Smallest multipliers of all channels against the search of one requantizer."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.numerics import (
    Interval,
    MultiplyShift,
    RationalMultiply,
    Requantizer,
    Rounding,
    Shift,
    Thresholds,
    equal,
    matching_multiplier,
)
from intaglio.numerics.channel_staircases import channel_staircases
from intaglio.numerics.smallest_multipliers import smallest_multipliers

modes = st.sampled_from(Rounding)
scalings = st.one_of(
    st.builds(RationalMultiply, st.integers(-99, 99), st.integers(1, 999), modes),
    st.builds(MultiplyShift, st.integers(-(2**15), 2**15), st.integers(0, 24), modes),
    st.builds(MultiplyShift, st.integers(1, 2**31), st.integers(20, 40), modes),
    st.builds(Shift, st.integers(-2, 12), modes),
    st.lists(st.integers(-300, 300), max_size=3).map(
        lambda values: Thresholds(tuple(sorted(values)))
    ),
)


@st.composite
def channels(draw: st.DrawFn) -> tuple[Requantizer, Interval, Rounding]:
    low = draw(st.integers(-40, 20))
    clamp = Interval(low, low + draw(st.integers(0, 80)))
    target = Requantizer(draw(scalings), draw(st.integers(-21, 21)), clamp.low, clamp.high)
    magnitude = draw(st.sampled_from([0, 3, 500, 1 << 20, (1 << 31) - 1]))
    ends = sorted(draw(st.tuples(*[st.integers(-magnitude, magnitude)] * 2)))
    rounding = getattr(target.scaling, "rounding", Rounding.HALF_EVEN)
    return target, Interval(ends[0], ends[1]), draw(st.one_of(st.just(rounding), modes))


@settings(max_examples=150)
@given(st.lists(channels(), min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 62))
def test_equal_to_the_search_of_one(
    given: Sequence[tuple[Requantizer, Interval, Rounding]], bits: int, shift: int
) -> None:
    targets = [target for target, _, _ in given]
    steps = channel_staircases(targets, [interval for _, interval, _ in given])
    roundings = [rounding for _, _, rounding in given]
    found = smallest_multipliers(targets, steps, roundings, bits, shift)
    for one, (target, interval, rounding) in zip(found, given, strict=True):
        assert one == matching_multiplier(target, interval, rounding, bits, shift)
        if one is not None:
            same = Requantizer(one, target.zero_point, target.low, target.high)
            assert equal(same, target, interval)


def test_ties_of_a_power_of_two_hold_the_multiplier() -> None:
    """All 255 bounds are equal rationals, and only whether they are closed decides."""
    interval = Interval(-(1 << 14), 1 << 14)
    for mode in Rounding:
        target = Requantizer(Shift(6, mode), -3, -128, 127)
        steps = channel_staircases([target], [interval])
        (found,) = smallest_multipliers([target], steps, [mode])
        assert found == matching_multiplier(target, interval, mode)
        assert found is not None
        assert found.multiplier == 1


def test_bounds_that_float64_cannot_tell_apart() -> None:
    """16385 / 2**42 has a tie at 2**41, and misses an earlier step by one unit of its product."""
    multiplier, shift = (1 << 14) + 1, 42
    half = 1 << (shift - 1)
    earlier, remainder = divmod((multiplier - 2) * half - 1, multiplier)
    assert remainder == 0
    assert (multiplier - 2) / (2 * earlier) == multiplier / (2 * half)
    interval = Interval(earlier - 9, half + 9)
    codes = Interval(multiplier // 2 - 1, multiplier // 2 + 1)
    steps_below = (interval.low,) * codes.low
    target = Requantizer(Thresholds((*steps_below, earlier, half)), 0, codes.low, codes.high)
    steps = channel_staircases([target], [interval])
    (found,) = smallest_multipliers([target], steps, [Rounding.HALF_TOWARD_POSITIVE], 62, 80)
    assert found == matching_multiplier(target, interval, Rounding.HALF_TOWARD_POSITIVE, 62, 80)
    assert found is not None
    assert Fraction(found.multiplier, 1 << found.shift) > Fraction(multiplier, 1 << shift)


def test_products_beyond_int64_are_searched_one_by_one() -> None:
    target = Requantizer(Shift(20, Rounding.FLOOR), 0, -(1 << 20), 1 << 20)
    interval = Interval(1 << 41, (1 << 41) + (1 << 24))
    steps = channel_staircases([target], [interval])
    (found,) = smallest_multipliers([target], steps, [Rounding.FLOOR])
    assert found == matching_multiplier(target, interval, Rounding.FLOOR, 62)


def test_none_where_no_factor_serves() -> None:
    bent = Requantizer(Thresholds((1, 2, 50)), 0, 0, 3)
    straight = Requantizer(RationalMultiply(1, 10, Rounding.FLOOR), 0, 0, 10)
    within = [Interval(0, 100)] * 2
    steps = channel_staircases([bent, straight], within)
    found = smallest_multipliers([bent, straight], steps, [Rounding.FLOOR] * 2)
    assert found[0] is None
    assert found[1] is not None
    assert Fraction(found[1].multiplier, 1 << found[1].shift) >= Fraction(1, 10)
