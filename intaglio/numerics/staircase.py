# SPDX-License-Identifier: Apache-2.0
"""A requantizer as the list of accumulators at which its output steps.

Where a requantizer is monotone, its thresholds say all there is to know: two requantizers are equal
exactly when their staircases are, and they differ exactly between unequal thresholds.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Thresholds

ENUMERABLE = 1 << 16
"""Outside its monotone domain a requantizer is enumerated up to this many accumulators."""


@dataclass(frozen=True, slots=True)
class Staircase:
    """``y(x) = base + direction * (how many thresholds are <= x)`` for ``x`` in ``interval``.

    ``thresholds`` ascend, above ``interval.low``; one that repeats is a step of more than one.
    """

    interval: Interval
    base: int
    direction: int
    thresholds: tuple[int, ...]

    def apply(self, x: int) -> int:
        """The output at one accumulator.

        Raises:
            InvalidOption: ``x`` lies outside the interval.
        """
        if not self.interval.contains(x):
            raise InvalidOption(
                "accumulator", x, f"is outside {self.interval}", "ask within the interval"
            )
        return self.base + self.direction * bisect_right(self.thresholds, x)

    def runs(self) -> Iterator[tuple[Interval, int]]:
        """The maximal intervals of constant output, ascending, with that output."""
        start, value = self.interval.low, self.base
        for threshold in self.thresholds:
            if threshold > start:
                yield Interval(start, threshold - 1), value
                start = threshold
            value += self.direction
        yield Interval(start, self.interval.high), value

    def requantizer(self) -> Requantizer:
        """The same function as thresholds, to be used within the interval."""
        top = self.base + self.direction * len(self.thresholds)
        scaling = Thresholds(self.thresholds, descending=self.direction < 0)
        return Requantizer(scaling, self.base, min(self.base, top), max(self.base, top))


@dataclass(frozen=True, slots=True)
class Differences:
    """On how many accumulators two requantizers differ, and the lowest of them."""

    count: int
    first: int | None


def staircase(requantizer: Requantizer, interval: Interval) -> Staircase:
    """Find every step of a requantizer on an interval, by bisection.

    Outside its monotone domain a short interval is enumerated, and taken if it turns out monotone.

    Raises:
        InvalidOption: the requantizer isn't known to be monotone on the interval.
    """
    function = requantizer.apply
    if not _monotone(requantizer, interval):
        _require_enumerable(requantizer, interval)
        direction = _enumerated_direction(requantizer, interval)
    else:
        direction = requantizer.scaling.direction
    base, top = function(interval.low), function(interval.high)
    found: list[int] = []
    _bisect(function, interval.low, base, interval.high, top, found)
    return Staircase(interval, base, direction, tuple(found))


def thresholds(requantizer: Requantizer, interval: Interval) -> tuple[int, ...]:
    """The accumulators at which the output steps by one, ascending; see ``staircase``.

    >>> from intaglio.numerics.rounding import Rounding
    >>> from intaglio.numerics.scalings import Shift
    >>> halves = Requantizer(Shift(1, Rounding.HALF_EVEN), 0, -2, 2)
    >>> thresholds(halves, Interval(-100, 100))
    (-2, -1, 2, 3)
    """
    return staircase(requantizer, interval).thresholds


def equal(a: Requantizer, b: Requantizer, interval: Interval) -> bool:
    """Whether two requantizers agree on every accumulator of an interval.

    Raises:
        InvalidOption: one isn't monotone there, and the interval is too long to enumerate.
    """
    return differences(a, b, interval).count == 0


def differences(a: Requantizer, b: Requantizer, interval: Interval) -> Differences:
    """Count the accumulators of an interval on which two requantizers differ; exact.

    Both are constant between consecutive thresholds of either, so whole runs are compared.

    Raises:
        InvalidOption: one isn't monotone there, and the interval is too long to enumerate.
    """
    if _monotone(a, interval) and _monotone(b, interval):
        runs_a, runs_b = staircase(a, interval).runs(), staircase(b, interval).runs()
    else:
        for requantizer in (a, b):
            if not _monotone(requantizer, interval):
                _require_enumerable(requantizer, interval)
        runs_a, runs_b = _enumerated_runs(a, interval), _enumerated_runs(b, interval)
    count, first = 0, None
    for run in _unequal_runs(runs_a, runs_b):
        count += run.width + 1
        first = run.low if first is None else first
    return Differences(count, first)


def _unequal_runs(
    runs_a: Iterator[tuple[Interval, int]], runs_b: Iterator[tuple[Interval, int]]
) -> Iterator[Interval]:
    """The parts of one interval on which two lists of its runs have unequal values."""
    (run_a, value_a), (run_b, value_b) = next(runs_a), next(runs_b)
    start = run_a.low
    while True:
        end = min(run_a.high, run_b.high)
        if value_a != value_b:
            yield Interval(start, end)
        following_a = next(runs_a, None) if run_a.high == end else (run_a, value_a)
        following_b = next(runs_b, None) if run_b.high == end else (run_b, value_b)
        if following_a is None or following_b is None:
            return
        (run_a, value_a), (run_b, value_b) = following_a, following_b
        start = end + 1


def _monotone(requantizer: Requantizer, interval: Interval) -> bool:
    domain = requantizer.scaling.monotone_domain
    return domain is None or domain.contains(interval)


def _require_enumerable(requantizer: Requantizer, interval: Interval) -> None:
    if interval.width < ENUMERABLE:
        return
    raise InvalidOption(
        "accumulator interval",
        interval,
        f"leaves {requantizer.scaling.monotone_domain}, where the requantizer is monotone, and is"
        " too long to enumerate",
        f"narrow it, or give at most {ENUMERABLE} accumulators",
    )


def _enumerated_runs(
    requantizer: Requantizer, interval: Interval
) -> Iterator[tuple[Interval, int]]:
    for x in range(interval.low, interval.high + 1):
        yield Interval(x, x), requantizer.apply(x)


def _enumerated_direction(requantizer: Requantizer, interval: Interval) -> int:
    values = [requantizer.apply(x) for x in range(interval.low, interval.high + 1)]
    for direction in (1, -1):
        if values == sorted(values, reverse=direction < 0):
            return direction
    raise InvalidOption(
        "accumulator interval",
        interval,
        "holds accumulators on which the requantizer both rises and falls",
        f"stay within {requantizer.scaling.monotone_domain}",
    )


def _bisect(
    function: Callable[[int], int], low: int, at_low: int, high: int, at_high: int, found: list[int]
) -> None:
    """Append the thresholds in ``(low, high]``, given the outputs at both ends."""
    if at_low == at_high:
        return
    if high - low == 1:
        found.extend([high] * abs(at_high - at_low))
        return
    middle = (low + high) // 2
    at_middle = function(middle)
    _bisect(function, low, at_low, middle, at_middle, found)
    _bisect(function, middle, at_middle, high, at_high, found)
