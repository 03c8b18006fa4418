# SPDX-License-Identifier: Apache-2.0
"""The staircases of all channels of a requantization at once, in one canonical form.

``staircase`` bisects one requantizer in Python integers; this finds the same for thousands of
channels in int64.  Each threshold is guessed in float64 and then proved: at it the output has made
the step, one before it has not.  What isn't proved so is bisected; no guess is believed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.real_scalings import RealScaling, real_scaling
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.staircase import Staircase, staircase
from intaglio.numerics.vectorized import PreparedRequantizers, prepare

Array = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

MOST_STEPS = 1 << 26
"""Over all channels."""

_BLOCK = 1 << 18
"""Thresholds that are searched at a time."""

_WORD = IntType(62, signed=True)
_MODEST_EXPONENT = 900


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStaircases:
    """By channel: ``y(x) = base + direction * (how many of its thresholds are <= x)``.

    Attributes:
        low: the first accumulator of each channel's interval.
        high: the last one.
        base: the output at ``low``.
        direction: 1 or -1; 1 where there are no steps.
        starts: where the thresholds of each channel begin in ``thresholds``; one more at the end.
        thresholds: of all channels, one after the other, each channel's ascending.
    """

    low: Array
    high: Array
    base: Array
    direction: Array
    starts: Array
    thresholds: Array

    def __len__(self) -> int:
        """How many channels there are."""
        return self.low.size

    @property
    def counts(self) -> Array:
        """How many thresholds each channel has."""
        return np.diff(self.starts)

    @property
    def top(self) -> Array:
        """The output at ``high``."""
        return self.base + self.direction * self.counts

    def steps(self, channel: int) -> Array:
        """The thresholds of one channel."""
        return self.thresholds[self.starts[channel] : self.starts[channel + 1]]

    def of(self, channel: int) -> Staircase:
        """The staircase of one channel."""
        interval = Interval(int(self.low[channel]), int(self.high[channel]))
        base, direction = int(self.base[channel]), int(self.direction[channel])
        return Staircase(interval, base, direction, tuple(self.steps(channel).tolist()))

    def digest(self) -> str:
        """A SHA-256 in hexadecimal: equal where all channels are equal functions."""
        total = hashlib.sha256()
        for column in (self.low, self.high, self.base, self.direction, self.starts):
            total.update(column.astype("<i8").tobytes())
        total.update(self.thresholds.astype("<i8").tobytes())
        return total.hexdigest()


def channel_staircases(
    requantizers: Sequence[Requantizer], intervals: Sequence[Interval]
) -> ChannelStaircases:
    """Every step of every channel: the canonical form of a requantization on what it can be given.

    Two tuples of requantizers give the same output for all accumulators of ``intervals`` exactly
    when ``digest`` of both is the same.

    Args:
        requantizers: one, or one for each channel.
        intervals: by channel, the accumulators that can come, of at most 62 bits.

    Raises:
        InvalidOption: there are not as many requantizers as intervals, an interval is too wide,
            there are too many steps, or a requantizer isn't known to be monotone on its interval.
    """
    if not intervals or len(requantizers) not in (1, len(intervals)):
        raise InvalidOption(
            "requantizers",
            f"{len(requantizers)} for {len(intervals)} intervals",
            "don't belong together",
            "give one, or one for each interval",
        )
    outputs = (requantizer.output for requantizer in requantizers)
    for what, hull in (
        ("accumulator", Interval.hull_of(intervals)),
        ("output", Interval.hull_of(outputs)),
    ):
        if not _WORD.interval.contains(hull):
            raise InvalidOption(f"{what} interval", hull, "exceeds 62 bits", "narrow it")
    each = tuple(requantizers) * (len(intervals) // len(requantizers))
    monotone = [_monotone(one, interval) for one, interval in zip(each, intervals, strict=True)]
    if all(monotone):
        return _searched(each, intervals)
    # Outside its monotone domain a requantizer is enumerated, or refused by its name.
    return _joined([staircase(one, at) for one, at in zip(each, intervals, strict=True)])


def count_differences(a: ChannelStaircases, b: ChannelStaircases) -> Array:
    """By channel, on how many accumulators the outputs differ; exact.

    Raises:
        InvalidOption: the intervals aren't the same.
    """
    if not (np.array_equal(a.low, b.low) and np.array_equal(a.high, b.high)):
        raise InvalidOption("staircases", "(two)", "have unequal intervals", "give the same ones")
    found = np.zeros(len(a), dtype=np.int64)
    for channel in np.flatnonzero((a.base != b.base) | _unequal_steps(a, b)).tolist():
        first, second = a.steps(channel), b.steps(channel)
        places = np.concatenate([a.low[channel : channel + 1], first, second])
        change = np.concatenate(
            [
                a.base[channel : channel + 1] - b.base[channel],
                np.full(first.size, a.direction[channel]),
                np.full(second.size, -b.direction[channel]),
            ]
        )
        order = np.argsort(places, kind="stable")
        lengths = np.diff(places[order], append=a.high[channel] + 1)
        found[channel] = lengths[np.cumsum(change[order]) != 0].sum()
    return found


def _unequal_steps(a: ChannelStaircases, b: ChannelStaircases) -> npt.NDArray[np.bool_]:
    """By channel, whether thresholds or directions differ."""
    unequal: npt.NDArray[np.bool_] = (a.counts != b.counts) | (a.direction != b.direction)
    for channel in np.flatnonzero(~unequal).tolist():
        unequal[channel] = not np.array_equal(a.steps(channel), b.steps(channel))
    return unequal


def _monotone(requantizer: Requantizer, interval: Interval) -> bool:
    domain = requantizer.scaling.monotone_domain
    return domain is None or domain.contains(interval)


def _joined(each: Sequence[Staircase]) -> ChannelStaircases:
    counts = [len(one.thresholds) for one in each]
    return ChannelStaircases(
        _column([one.interval.low for one in each]),
        _column([one.interval.high for one in each]),
        _column([one.base for one in each]),
        _column([one.direction if one.thresholds else 1 for one in each]),
        _column([0, *np.cumsum(counts).tolist()]),
        _column([step for one in each for step in one.thresholds]),
    )


def _searched(each: Sequence[Requantizer], intervals: Sequence[Interval]) -> ChannelStaircases:
    low = _column([interval.low for interval in intervals])
    high = _column([interval.high for interval in intervals])
    ends: IntegerArray = prepare(each).apply(np.stack([low, high]))
    base, climb = ends[0], ends[1] - ends[0]
    counts, direction = np.abs(climb), np.where(climb < 0, -1, 1)
    if int(counts.astype(object).sum()) > MOST_STEPS:
        total = int(counts.astype(object).sum())
        raise InvalidOption(
            "staircases", f"{total} steps", "are too many", f"have at most {MOST_STEPS}"
        )
    columns = max(1, _BLOCK // max(int(counts.max()), 1))
    found: list[Array] = []
    for start in range(0, len(each), columns):
        part = slice(start, start + columns)
        search = _Search(each[part], low[part], high[part], base[part], counts[part])
        found.append(search.thresholds(direction[part]))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return ChannelStaircases(low, high, base, direction, starts, np.concatenate(found))


@dataclass(frozen=True, slots=True)
class _Search:
    """Channels that are searched together; arrays have a column for each, a row for each step."""

    requantizers: Sequence[Requantizer]
    low: Array
    high: Array
    base: Array
    counts: Array

    def thresholds(self, direction: Array) -> Array:
        """The thresholds of all channels, channel by channel."""
        rows = int(self.counts.max())
        # A channel with fewer steps than others looks for its last one again and again.
        steps = np.minimum(np.arange(1, rows + 1)[:, None], self.counts)
        values = self.base + direction * steps
        reached = np.broadcast_to(self.high, steps.shape).copy()
        below = np.where(self.counts > 0, self.low, self.high) + np.zeros_like(steps)
        guess = self._guesses(values, direction)
        prepared = prepare(self.requantizers)
        for offset in (0, -1, 1):
            place = np.clip(guess + offset, self.low, self.high)
            _narrow(prepared, place, values, direction, below, reached)
        while (columns := np.flatnonzero((reached - below > 1).any(axis=0))).size:
            prepared = prepare([self.requantizers[column] for column in columns.tolist()])
            under, over = below[:, columns], reached[:, columns]
            wanted, way = values[:, columns], direction[columns]
            while (over - under > 1).any():
                _narrow(prepared, (under + over) >> 1, wanted, way, under, over)
            below[:, columns], reached[:, columns] = under, over
        return reached.T[(np.arange(rows) < self.counts[:, None])]

    def _guesses(self, values: Array, direction: Array) -> Array:
        """About where a real product reaches each value; anything where there is no factor."""
        real = [real_scaling(each.scaling) for each in self.requantizers]
        factor = np.array([1.0 if each is None else _as_float(each.factor, 1.0) for each in real])
        offset = np.array([0.0 if each is None else _as_float(each.offset, 0.0) for each in real])
        zero_points = _column([each.zero_point for each in self.requantizers])
        wanted = values - zero_points + (direction < 0)
        above = np.array([_distance(each, positive=True) for each in real])
        under = np.array([_distance(each, positive=False) for each in real])
        ends = (wanted - np.where(wanted > 0, above, under) - offset).astype(np.float64)
        with np.errstate(all="ignore"):
            places: Reals = np.ceil(np.clip(ends / factor, self.low, self.high))
            return places.astype(np.int64)


def _narrow(
    prepared: PreparedRequantizers,
    place: Array,
    values: Array,
    direction: Array,
    below: Array,
    reached: Array,
) -> None:
    """Ask at ``place``, and keep what that says: the step is made at ``reached``, not ``below``."""
    made = (prepared.apply(place) - values) * direction >= 0
    np.copyto(reached, place, where=made & (place < reached))
    np.copyto(below, place, where=~made & (place > below))


def _as_float(value: Fraction, otherwise: float) -> float:
    """The nearest float; ``otherwise`` for zero and for what is out of the range of floats."""
    size = value.numerator.bit_length() - value.denominator.bit_length()
    return float(value) if value and abs(size) < _MODEST_EXPONENT else otherwise


def _distance(real: RealScaling | None, positive: bool) -> float:
    """How far below an integer the real numbers begin that are rounded up to it."""
    if real is None or real.rounding.to_nearest:
        return 0.5
    up = Rounding.AWAY_FROM_ZERO if positive else Rounding.TOWARD_ZERO
    return 1.0 if real.rounding in (Rounding.CEIL, up) else 0.0


def _column(values: Sequence[int]) -> Array:
    return np.array(values, dtype=np.int64)
