# SPDX-License-Identifier: Apache-2.0
"""Requantizers as two instructions, proved step by step to be the same staircase.

A requantizer to codes is a staircase of at most 255 steps; two are equal on an interval where every
step lies at the same accumulator.  SQDMULH rounds down, so that for shifts of more than 31 places

    floor((x m + 2**(31+n-1)) / 2**(31+n)) = floor((floor(x m / 2**31) + 2**(n-1)) / 2**n)

is SQDMULH and a rounding shift; SQRDMULH in its place gives the double rounding.  One shift for all
channels is an immediate, and narrows: multipliers lose the places by which their shifts differ, and
the steps tell whether that moves any.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, Scaling

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
_WORD = Interval(1 - (1 << 31), (1 << 31) - 1)
_MOST_SHIFT = 20
_MOST_NARROWING = 16


@dataclass(frozen=True, slots=True)
class Staircase:
    """``clamp(zero_point + floor(fix(high(x multiplier / 2**31)) / 2**shift + 1/2))`` by channel.

    Attributes:
        multipliers: positive int32, one for each channel, or one.
        shifts: alike; one where all channels share it.
        rounded: whether the high product is rounded, halves up, instead of down.
        away: whether a negative high product is lowered by 1, which sends halves away from 0.
        zero_point: added last.
        low: the least code.
        high: the greatest code.
    """

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    rounded: bool
    away: bool
    zero_point: int
    low: int
    high: int

    @property
    def shared_shift(self) -> int | None:
        """The shift of all channels, if one narrowing instruction can do it."""
        if len(set(self.shifts)) > 1 or self.shifts[0] > _MOST_NARROWING:
            return None
        return self.shifts[0]


def staircase(requantizers: Sequence[Requantizer], x: Sequence[Interval]) -> Staircase | None:
    """The requantizers of all channels; None where this form doesn't serve.

    Args:
        requantizers: one for each channel, or one.
        x: what each channel can hold, or one for all.
    """
    first = requantizers[0]
    levels = {(r.zero_point, r.low, r.high) for r in requantizers}
    if len(levels) > 1 or not -128 <= first.low < first.high <= 255:
        return None
    if not _WORD.contains(Interval.hull_of(x)) or abs(first.zero_point) > 255:
        return None
    if len(requantizers) == 1:
        x = [Interval.hull_of(x)]
    given = [_as_written(r.scaling) for r in requantizers]
    written = [factor for factor in given if factor is not None]
    if len(written) < len(given) or len({(f.rounded, f.away) for f in written}) > 1:
        return None
    return _Search(written, first, x).found()


@dataclass(frozen=True, slots=True)
class _Factor:
    """One channel as its scaling says it: a multiplier of 0 or a positive int32, a shift >= 1."""

    multiplier: int
    shift: int
    rounded: bool
    away: bool


def _as_written(scaling: Scaling) -> _Factor | None:
    match scaling:
        case MultiplyShift(rounding=Rounding.HALF_TOWARD_POSITIVE):
            found = _Factor(scaling.multiplier, scaling.shift - 31, rounded=False, away=False)
        case DoubleRounding(ties=Rounding.HALF_TOWARD_POSITIVE):
            found = _Factor(scaling.multiplier, -scaling.shift, rounded=True, away=False)
        case DoubleRounding(ties=Rounding.HALF_AWAY_FROM_ZERO):
            found = _Factor(scaling.multiplier, -scaling.shift, rounded=True, away=True)
        case _:
            return None
    if found.multiplier == 0:
        return found
    return found if found.shift >= 1 and 0 < found.multiplier < 1 << 31 else None


class _Search:
    """For the fewest instructions that make the staircases of all channels."""

    def __init__(
        self, factors: Sequence[_Factor], levels: Requantizer, x: Sequence[Interval]
    ) -> None:
        self._levels = levels
        count = len(factors) if len(x) == 1 else 1
        self._low = np.array([each.low for each in x] * count, dtype=np.int64)[:, None]
        self._end = np.array([each.high + 1 for each in x] * count, dtype=np.int64)[:, None]
        self._rounded, self._away = factors[0].rounded, factors[0].away
        codes = range(levels.low + 1, levels.high + 1)
        self._codes = np.array([code - levels.zero_point for code in codes], dtype=np.int64)
        self._multipliers = np.array([f.multiplier for f in factors], dtype=np.int64)
        self._shifts = np.array([f.shift for f in factors], dtype=np.int64)
        # Channels that hardly differ from 0 have shifts of any size.
        self._regular = (self._multipliers > 0) & (self._shifts <= _MOST_SHIFT)
        usual = np.where(self._regular, self._shifts, 8)
        self._wanted = self._steps(np.maximum(self._multipliers, 1), usual, self._away)
        for channel in map(int, np.flatnonzero(~self._regular)):
            steps = np.array(self._steps_of(factors[channel]), dtype=object)
            clipped = np.clip(steps, int(self._low[channel, 0]), int(self._end[channel, 0]))
            self._wanted[channel] = clipped.astype(np.int64)
        regular = self._shifts[self._regular]
        self._shared = int(regular.min()) if regular.size else 8

    def found(self) -> Staircase | None:
        """The staircases, None where dead channels can't be made."""
        for away in (False, True) if self._away else (False,):
            shared = np.full_like(self._shifts, self._shared)
            multipliers = self._multipliers_at(shared, away)
            same = self._same(multipliers, shared, away)
            if same.all() and self._shared <= _MOST_NARROWING:
                return self._made(multipliers, shared[:1], away)
            shifts = np.where(self._regular, self._shifts, shared)
            mixed = np.where(self._regular, self._multipliers, multipliers)
            if self._same(mixed, shifts, away).all():
                return self._made(mixed, shifts, away)
        return None

    def _made(self, multipliers: Int64Array, shifts: Int64Array, away: bool) -> Staircase:
        levels = self._levels
        return Staircase(
            tuple(map(int, multipliers)),
            tuple(map(int, shifts)),
            self._rounded,
            away,
            levels.zero_point,
            levels.low,
            levels.high,
        )

    def _same(self, multipliers: Int64Array, shifts: Int64Array, away: bool) -> BoolArray:
        """By channel: whether the steps are the wanted ones."""
        same: BoolArray = (self._steps(multipliers, shifts, away) == self._wanted).all(axis=1)
        return same

    def _doubled(self, shifts: Int64Array, away: bool) -> Int64Array:
        """``[channel, code]``: what ``x multiplier`` must reach for a code."""
        needed = (self._codes[None] << shifts[:, None]) - (1 << (shifts[:, None] - 1))
        if away:
            needed = needed + (self._codes[None] <= 0)
        doubled: Int64Array = (needed << 31) - ((1 << 30) if self._rounded else 0)
        return doubled

    def _steps(self, multipliers: Int64Array, shifts: Int64Array, away: bool) -> Int64Array:
        """``[channel, code]``: the least x that reaches a code, or either end of the interval."""
        least = -(-self._doubled(shifts, away) // multipliers[:, None])
        steps: Int64Array = np.clip(least, self._low, self._end)
        return steps

    def _steps_of(self, factor: _Factor) -> list[int]:
        """The least integer that reaches each code, for one channel of any shift."""
        found: list[int] = []
        for code in map(int, self._codes):
            if factor.multiplier == 0:
                found.append(-(1 << 31) if code <= 0 else 1 << 31)
                continue
            needed = (code << factor.shift) - (1 << (factor.shift - 1))
            needed += int(factor.away and code <= 0)
            doubled = (needed << 31) - ((1 << 30) if factor.rounded else 0)
            found.append(-(-doubled // factor.multiplier))
        return found

    def _multipliers_at(self, shifts: Int64Array, away: bool) -> Int64Array:
        """By channel: a multiplier for a shift that meets every step, if there is one.

        The least x with ``x m >= d`` is ``t`` where ``(t - 1) m < d <= t m``.
        """
        doubled, steps = self._doubled(shifts, away), self._wanted
        low = np.ones_like(doubled)
        high = np.full_like(doubled, (1 << 31) - 1)
        reached, missed = steps < self._end, steps > self._low
        up, down = reached & (steps > 0), reached & (steps < 0)
        low[up] = -(-doubled[up] // steps[up])
        high[down] = doubled[down] // steps[down]
        before = steps - 1
        up, down = missed & (before > 0), missed & (before < 0)
        high[up] = np.minimum(high[up], -(-doubled[up] // before[up]) - 1)
        low[down] = np.maximum(low[down], doubled[down] // before[down] + 1)
        least = np.clip(low.max(axis=1), 1, (1 << 31) - 1)
        most = np.clip(high.min(axis=1), 1, (1 << 31) - 1)
        near = self._multipliers >> np.clip(self._shifts - shifts, 0, 31)
        chosen: Int64Array = np.clip(near, least, np.maximum(least, most))
        return chosen
