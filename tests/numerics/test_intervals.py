# SPDX-License-Identifier: Apache-2.0
"""Intervals: exact hulls of what arithmetic can give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics import Interval, IntType


def starting_at(low: int, width: int) -> Interval:
    return Interval(low, low + width)


small = st.builds(starting_at, st.integers(-9, 9), st.integers(0, 9))


def members(interval: Interval) -> range:
    return range(interval.low, interval.high + 1)


@given(small, small, st.integers(-5, 5))
def test_arithmetic_is_the_exact_hull(a: Interval, b: Interval, factor: int) -> None:
    pairs = [(x, y) for x in members(a) for y in members(b)]
    for result, values in (
        (a + b, [x + y for x, y in pairs]),
        (a - b, [x - y for x, y in pairs]),
        (a * b, [x * y for x, y in pairs]),
        (a | b, [*members(a), *members(b)]),
        (a.negate(), [-x for x in members(a)]),
        (a.scale_by(factor), [factor * x for x in members(a)]),
    ):
        assert (result.low, result.high) == (min(values), max(values))
    assert a.intersects(b) == bool(set(members(a)) & set(members(b)))
    assert a.contains(b) == (set(members(b)) <= set(members(a)))
    assert a.width == len(members(a)) - 1
    assert a.magnitude == max(abs(x) for x in members(a))


@given(st.lists(st.one_of(st.integers(-9, 9), small), min_size=1))
def test_the_hull_of_integers_and_intervals(parts: list[int | Interval]) -> None:
    ends = [x for part in parts for x in (members(part) if isinstance(part, Interval) else [part])]
    assert Interval.hull_of(iter(parts)) == Interval(min(ends), max(ends))


def test_the_hull_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidOption, match="hull"):
        Interval.hull_of([])


@given(st.integers(-(2**63), 2**64 - 1), st.integers(-(2**63), 2**64 - 1))
def test_smallest_type_is_smallest(a: int, b: int) -> None:
    interval = Interval(min(a, b), max(a, b))
    if interval.low < 0 and interval.high >= 2**63:
        with pytest.raises(InvalidOption):
            interval.smallest_type()
        return
    smallest = interval.smallest_type()
    assert smallest.interval.contains(interval)
    assert smallest.signed == (interval.low < 0)
    if smallest.bits > 1:
        assert not IntType(smallest.bits - 1, smallest.signed).interval.contains(interval)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"interval \[1, 0\]: is empty; give low <= high\."):
        Interval(1, 0)
