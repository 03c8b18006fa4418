# SPDX-License-Identifier: Apache-2.0
"""The smallest multiplier that changes nothing, for all channels of a requantization at once.

``multiplier_search`` states the search; this is the same in arrays.  Each end of a run of constant
output bounds the factor by a rational ``numerator / divisor``.  The tightest of a channel is
guessed in float64, then compared with the others by exact products in int64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from intaglio.numerics.channel_staircases import ChannelStaircases
from intaglio.numerics.multiplier_search import matching_multiplier
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift

Array = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_ROOM = 1 << 62
_CLOSE = 2.0**-50
"""More than the error of a quotient in float64, in proportion to it."""


def smallest_multipliers(
    targets: Sequence[Requantizer],
    staircases: ChannelStaircases,
    roundings: Sequence[Rounding],
    maximum_bits: int = 62,
    maximum_shift: int = 62,
) -> tuple[MultiplyShift | None, ...]:
    """By channel ``matching_multiplier``: the multiply-shift of fewest bits that equals the target.

    Args:
        targets: by channel; zero point and clamp count, the scaling is ``staircases``.
        staircases: of the targets.
        roundings: by channel, how the multiply-shift rounds.
        maximum_bits: of the multiplier's magnitude.
        maximum_shift: of the shift to the right.

    Returns:
        None where no multiplier within the maxima serves.
    """
    found: list[MultiplyShift | None] = [None] * len(staircases)
    exact = _fast(staircases, targets)
    for channel in np.flatnonzero(~exact).tolist():
        interval, rounding = staircases.of(channel).interval, roundings[channel]
        found[channel] = matching_multiplier(
            targets[channel], interval, rounding, maximum_bits, maximum_shift
        )
    lower, upper, possible = _factors(targets, staircases, roundings, exact)
    for channel in np.flatnonzero(exact & possible).tolist():
        best = _smallest(lower.of(channel), upper.of(channel), maximum_shift)
        if best is not None and best[0].bit_length() <= maximum_bits:
            found[channel] = MultiplyShift(*best, roundings[channel])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Bound:
    """``numerator / divisor``, a bound of a factor; ``closed`` where it is one itself."""

    numerator: int
    divisor: int
    closed: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """A bound for each channel; none where not ``present``."""

    numerator: Array
    divisor: Array
    closed: Truths
    present: Truths

    def of(self, channel: int) -> _Bound | None:
        """The bound of one channel."""
        if not self.present[channel]:
            return None
        numerator, divisor = int(self.numerator[channel]), int(self.divisor[channel])
        return _Bound(numerator, divisor, bool(self.closed[channel]))


def _fast(staircases: ChannelStaircases, targets: Sequence[Requantizer]) -> Truths:
    """Which channels rise, with products of bounds that int64 holds."""
    codes = [2 * (each.output.magnitude + abs(each.zero_point) + 2) for each in targets]
    widest = 2 * (np.maximum(np.abs(staircases.low), np.abs(staircases.high)) + 1)
    fits = [code * wide < _ROOM for code, wide in zip(codes, widest.tolist(), strict=True)]
    return np.array(fits) & (staircases.direction > 0)


def _factors(
    targets: Sequence[Requantizer],
    staircases: ChannelStaircases,
    roundings: Sequence[Rounding],
    channels: Truths,
) -> tuple[_Bounds, _Bounds, Truths]:
    """The lower and the upper bound of each channel's factor, and which of them can have one.

    The product with a threshold reaches its value, and one before the threshold doesn't.  At the
    ends of the interval, values that the clamp makes bound nothing.
    """
    counts = staircases.counts
    first = staircases.starts[:-1] + 2 * np.arange(len(staircases))
    last = first + counts + 1
    channel = np.repeat(np.arange(len(staircases)), counts + 2)
    inner = np.full(channel.size, True)
    inner[first] = inner[last] = False
    fits = channels[channel]
    zero_point = np.array([each.zero_point for each in targets])[channel]
    least = np.array([each.low for each in targets])[channel]
    most = np.array([each.high for each in targets])[channel]
    value = staircases.base[channel] + np.arange(channel.size) - first[channel]
    x = np.empty(channel.size, dtype=np.int64)
    x[first], x[last], x[inner] = staircases.low, staircases.high, staircases.thresholds
    # The last row of a channel speaks of the highest accumulator, the row before it as well.
    reaches = np.where(np.arange(channel.size) == last[channel], value - 1, value)
    misses = np.where(np.arange(channel.size) == first[channel], value + 1, value)
    modes = np.array([list(Rounding).index(rounding) for rounding in roundings])[channel]
    parts = (
        _Constraints(x, reaches - zero_point, modes, fits & (reaches > least), reaching=True),
        _Constraints(
            x - inner, misses - zero_point, modes, fits & (misses <= most), reaching=False
        ),
    )
    raising = [part.bounds(raising=True) for part in parts]
    lowering = [part.bounds(raising=False) for part in parts]
    possible = np.full(len(staircases), True)
    for part in parts:
        possible[channel[part.violated()]] = False
    lower = _tighter(*(_tightest(each, first) for each in raising))
    upper = _tighter(*(_tightest(each, first) for each in lowering))
    return lower, _Bounds(-upper.numerator, upper.divisor, upper.closed, upper.present), possible


@dataclass(frozen=True, slots=True, eq=False)
class _Constraints:
    """By row: the product with ``x`` rounds to ``value`` or more, or to less."""

    x: Array
    value: Array
    modes: Array
    used: Truths
    reaching: bool

    def bounds(self, raising: bool) -> _Bounds:
        """Those that bound factors from below; or from above, negated, so that most is tightest."""
        doubled, closed = _rounds_to_at_least(self.value, self.modes)
        negative = self.x < 0
        raises = negative != self.reaching
        numerator = np.where(negative == raising, -doubled, doubled)
        divisor = np.where(self.x == 0, 1, 2 * np.abs(self.x))
        present = self.used & (self.x != 0) & (raises == raising)
        return _Bounds(numerator, divisor, closed == self.reaching, present)

    def violated(self) -> Truths:
        """Where ``x`` is 0, and so is every product, which rounds to the wrong side."""
        doubled, closed = _rounds_to_at_least(self.value, self.modes)
        reached = (doubled < 0) | ((doubled == 0) & closed)
        wrong: Truths = self.used & (self.x == 0) & (reached != self.reaching)
        return wrong


def _rounds_to_at_least(value: Array, modes: Array) -> tuple[Array, Truths]:
    """Twice the end of the reals that round to ``value`` or more, and whether it is one of them."""
    doubled, closed = np.empty_like(value), np.empty(value.size, dtype=np.bool_)
    for index, mode in enumerate(Rounding):
        chosen = modes == index
        if chosen.any():
            doubled[chosen], closed[chosen] = _ends(value[chosen], mode)
    return doubled, closed


def _ends(value: Array, mode: Rounding) -> tuple[Array, Truths]:
    floor, ceil, half = 2 * value, 2 * value - 2, 2 * value - 1
    never, always = np.full(value.size, False), np.full(value.size, True)
    match mode:
        case Rounding.FLOOR:
            return floor, always
        case Rounding.CEIL:
            return ceil, never
        case Rounding.TOWARD_ZERO:
            return np.where(value > 0, floor, ceil), value > 0
        case Rounding.AWAY_FROM_ZERO:
            return np.where(value > 0, ceil, floor), value <= 0
        case Rounding.HALF_TOWARD_POSITIVE:
            return half, always
        case Rounding.HALF_TOWARD_NEGATIVE:
            return half, never
        case Rounding.HALF_EVEN:
            return half, value % 2 == 0
        case Rounding.HALF_AWAY_FROM_ZERO:
            return half, value > 0
        case Rounding.HALF_TOWARD_ZERO:
            return half, value <= 0
        case _:
            assert_never(mode)


def _tightest(rows: _Bounds, first: Array) -> _Bounds:
    """By channel the greatest of its rows, which begin at ``first``; open where one of them is."""
    quotient = np.where(rows.present, rows.numerator / rows.divisor, -np.inf)
    best = np.maximum.reduceat(quotient, first)
    channel = np.repeat(np.arange(first.size), np.diff(first, append=quotient.size))
    near = rows.present & (quotient >= (best - np.abs(best) * _CLOSE)[channel])
    numerator, divisor, channel = rows.numerator[near], rows.divisor[near], channel[near]
    closed, present = rows.closed[near], best > -np.inf
    chosen = np.zeros(first.size, dtype=np.int64)
    chosen[channel] = np.arange(channel.size)
    while True:
        other = chosen[channel]
        excess = numerator * divisor[other] - numerator[other] * divisor
        greater = np.flatnonzero(excess > 0)
        if not greater.size:
            break
        chosen[channel[greater]] = greater
    shut = np.full(first.size, True)
    shut[channel[(excess == 0) & ~closed]] = False
    if not channel.size:
        nothing = np.zeros(first.size, dtype=np.int64)
        return _Bounds(nothing, nothing + 1, shut, present)
    return _Bounds(numerator[chosen], divisor[chosen], shut, present)


def _tighter(a: _Bounds, b: _Bounds) -> _Bounds:
    """By channel the greater of two bounds; open where they are equal and one of them is."""
    both = a.present & b.present
    excess = np.where(both, a.numerator * b.divisor - b.numerator * a.divisor, 0)
    second = (both & (excess < 0)) | ~a.present
    closed = np.where(second, b.closed, a.closed) & ~(both & (excess == 0) & ~b.closed)
    return _Bounds(
        np.where(second, b.numerator, a.numerator),
        np.where(second, b.divisor, a.divisor),
        closed,
        a.present | b.present,
    )


def _smallest(
    lower: _Bound | None, upper: _Bound | None, maximum_shift: int
) -> tuple[int, int] | None:
    """The multiplier nearest to zero at the first shift that has one: ``(multiplier, shift)``.

    A multiplier that serves at one shift serves doubled at the next.
    """
    if _nearest_to_zero(lower, upper, maximum_shift) is None:
        return None
    least, greatest = 0, maximum_shift
    while least < greatest:
        middle = (least + greatest) // 2
        if _nearest_to_zero(lower, upper, middle) is None:
            least = middle + 1
        else:
            greatest = middle
    multiplier = _nearest_to_zero(lower, upper, least)
    return None if multiplier is None else (multiplier, least)


def _nearest_to_zero(lower: _Bound | None, upper: _Bound | None, shift: int) -> int | None:
    """The multiplier between the bounds, times ``2**shift``, of least magnitude."""
    least = greatest = None
    if lower is not None:
        scaled = lower.numerator << shift
        least = -(-scaled // lower.divisor) if lower.closed else scaled // lower.divisor + 1
    if upper is not None:
        scaled = upper.numerator << shift
        greatest = scaled // upper.divisor if upper.closed else -(-scaled // upper.divisor) - 1
    if least is not None and greatest is not None and least > greatest:
        return None
    if least is not None and least > 0:
        return least
    return greatest if greatest is not None and greatest < 0 else 0
