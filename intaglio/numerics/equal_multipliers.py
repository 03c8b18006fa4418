# SPDX-License-Identifier: Apache-2.0
"""Integer scalings that equal those of floats on all accumulators that channels can reach.

The float scaling is monotone, and so is the integer one: they are equal exactly when each code
begins at the same accumulator.  With the shift fixed, each first accumulator of a code, and the one
before it, is a linear inequality in the multiplier (and in the addend, where there is one), so that
the multipliers that serve form an interval of integers.  All channels are searched at once;
``multiplier_search`` has the same search for one requantizer, with every shift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import frexp

import numpy as np
import numpy.typing as npt

from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    MultiplyAddShift,
    MultiplyShift,
)
from intaglio.numerics.vectorized import apply_requantizers

FloatScaling = Float32Multiply | Float32MultiplyAdd | Float64Multiply
IntegerScaling = MultiplyShift | MultiplyAddShift

Array = npt.NDArray[np.int64]

BITS = 31
"""Of a multiplier: the product with 32 bits, and what is added, fit 64."""

_INT32 = IntType(32, signed=True)
_MOST_CODES = 1 << 16
_MOST_EXPONENT = 62
_MOST_MULTIPLIER = (1 << BITS) - 1
_ROOM = 1 << 62


@dataclass(frozen=True, slots=True)
class Steps:
    """Where codes begin, by code and channel.

    Attributes:
        values: of a column, what the scaling itself must reach for each code but the lowest.
        first: the first accumulator of each code; one beyond the interval where none reaches it.
        low: by channel, the lowest accumulator.
        high: by channel, the highest one.
    """

    values: Array
    first: Array
    low: Array
    high: Array

    def of(self, channel: int) -> "Steps":
        """Those of one channel."""
        place = slice(channel, channel + 1)
        return Steps(self.values, self.first[:, place], self.low[place], self.high[place])


def equal_scalings(
    requantizers: Sequence[Requantizer], intervals: Sequence[Interval]
) -> tuple[IntegerScaling | None, ...]:
    """By channel an integer scaling that equals the requantizer's, None where none was found.

    All are of one form where one serves all: of ``MultiplyShift`` with halves toward positive, of
    the same with halves to even, of ``MultiplyAddShift``.  Zero point and clamp stay.

    Args:
        requantizers: by channel; others than those of ``FloatScaling`` have no answer.
        intervals: by channel, the accumulators on which they are to be equal, of 32 bits.
    """
    groups: dict[tuple[int, int, int], list[int]] = {}
    for channel, (each, interval) in enumerate(zip(requantizers, intervals, strict=True)):
        if _searchable(each, interval):
            groups.setdefault((each.zero_point, each.low, each.high), []).append(channel)
    upward: dict[int, IntegerScaling] = {}
    even: dict[int, IntegerScaling] = {}
    adding: dict[int, IntegerScaling] = {}
    for channels in groups.values():
        search = _search(
            [requantizers[channel] for channel in channels],
            [intervals[channel] for channel in channels],
        )
        for number, scaling in search.multipliers(Rounding.HALF_TOWARD_POSITIVE).items():
            upward[channels[number]] = scaling
        for number, scaling in search.multipliers(Rounding.HALF_EVEN).items():
            even[channels[number]] = scaling
        for number, channel in enumerate(channels):
            if channel not in upward and (found := search.with_addend(number)):
                adding[channel] = found
    chosen = _of_few_forms(len(requantizers), upward, even, adding)
    return tuple(chosen.get(channel) for channel in range(len(requantizers)))


def _of_few_forms(
    count: int,
    upward: Mapping[int, IntegerScaling],
    even: Mapping[int, IntegerScaling],
    adding: Mapping[int, IntegerScaling],
) -> Mapping[int, IntegerScaling]:
    """One form where it serves every channel: each costs as much as if all channels had it."""
    for form in (upward, even):
        if len(form) == count:
            return form
    if all(channel in upward or channel in even for channel in adding):
        return {**even, **upward}
    summed = {channel: _as_sum(scaling) for channel, scaling in {**adding, **upward}.items()}
    return {**even, **summed}


def _as_sum(scaling: IntegerScaling) -> IntegerScaling:
    """The same with its half as an addend."""
    if isinstance(scaling, MultiplyAddShift):
        return scaling
    half = 1 << scaling.shift >> 1
    return MultiplyAddShift(scaling.multiplier, half, scaling.shift, Rounding.FLOOR, None)


def _searchable(requantizer: Requantizer, interval: Interval) -> bool:
    return (
        isinstance(requantizer.scaling, FloatScaling)
        and not requantizer.scaling.factor.negative
        and requantizer.high - requantizer.low < _MOST_CODES
        and _INT32.interval.contains(interval)
        and abs(_exponent(requantizer)) < _MOST_EXPONENT
    )


def _exponent(requantizer: Requantizer) -> int:
    """Of the power of two beyond the factor."""
    scaling = requantizer.scaling
    assert isinstance(scaling, FloatScaling)
    return frexp(scaling.factor.value)[1]


def find_steps(requantizers: Sequence[Requantizer], intervals: Sequence[Interval]) -> Steps:
    """The first accumulator of every code, by bisection of all at once.

    Args:
        requantizers: by channel, non-decreasing, with one zero point and one clamp.
        intervals: by channel.
    """
    one = requantizers[0]
    codes = np.arange(one.low + 1, one.high + 1, dtype=np.int64)[:, None]
    low = np.array([interval.low for interval in intervals], dtype=np.int64)
    high = np.array([interval.high for interval in intervals], dtype=np.int64)
    first = np.broadcast_to(low, (codes.size, low.size)).copy()
    beyond = np.broadcast_to(high + 1, first.shape).copy()
    while (first < beyond).any():
        middle = np.minimum((first + beyond) >> 1, high)
        reached = apply_requantizers(requantizers, middle, _INT32) >= codes
        searched = first < beyond
        beyond = np.where(searched & reached, middle, beyond)
        first = np.where(searched & ~reached, middle + 1, first)
    return Steps(codes - one.zero_point, first, low, high)


def _ideal(requantizer: Requantizer, shift: int) -> int:
    """The multiplier nearest to the factor."""
    scaling = requantizer.scaling
    assert isinstance(scaling, FloatScaling)
    return min(round(scaling.factor.fraction * (1 << shift)), _MOST_MULTIPLIER)


def _search(requantizers: Sequence[Requantizer], intervals: Sequence[Interval]) -> "_Search":
    steps = find_steps(requantizers, intervals)
    # Products, and the codes that they are compared with, stay below 2**61.
    most = 60 - int(np.abs(steps.values).max(initial=1)).bit_length()
    shifts = [max(min(BITS - _exponent(each), most), 0) for each in requantizers]
    wanted = [_ideal(each, shift) for each, shift in zip(requantizers, shifts, strict=True)]
    return _Search(steps, np.array(shifts, dtype=np.int64), np.array(wanted, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _Search:
    """The shift of each channel, and the multiplier nearest to its factor."""

    steps: Steps
    shifts: Array
    wanted: Array

    def multipliers(self, rounding: Rounding) -> dict[int, IntegerScaling]:
        """By channel a multiply-shift that rounds halves upward or to even."""
        steps, exact = self.steps, self.shifts == 0
        half = (2 * steps.values - 1) << np.maximum(self.shifts - 1, 0)
        odd = (steps.values & 1 == 1) & (rounding is Rounding.HALF_EVEN)
        # A tie reaches the code above it unless that is odd; without a shift there are no ties.
        at_least = np.where(exact, steps.values, half + odd)
        at_most = np.where(exact, steps.values - 1, half - 1 + odd)
        least = np.zeros(self.shifts.size, dtype=np.int64)
        greatest = np.full(self.shifts.size, _MOST_MULTIPLIER)
        possible = np.full(self.shifts.size, True)
        for x, bound, used, below in (
            (steps.first, at_least, steps.first <= steps.high, False),
            (steps.first - 1, at_most, steps.first > steps.low, True),
        ):
            possible &= ~(used & (x == 0) & ((bound < 0) if below else (bound > 0))).any(axis=0)
            divisor = np.where(x == 0, 1, x)
            # A product with a negative accumulator turns the inequality round.
            raises = used & ((x < 0) if below else (x > 0))
            lowers = used & ((x > 0) if below else (x < 0))
            ceiling = np.where(raises, -(-bound // divisor), 0)
            floor = np.where(lowers, bound // divisor, _MOST_MULTIPLIER)
            least = np.maximum(least, ceiling.max(axis=0, initial=0))
            greatest = np.minimum(greatest, floor.min(axis=0, initial=_MOST_MULTIPLIER))
        possible &= least <= greatest
        chosen = np.clip(self.wanted, least, np.maximum(least, greatest))
        return {
            int(channel): MultiplyShift(int(chosen[channel]), int(self.shifts[channel]), rounding)
            for channel in np.flatnonzero(possible)
        }

    def with_addend(self, channel: int) -> MultiplyAddShift | None:
        """Of one channel a sum that is shifted: the room for addends is concave in multipliers."""
        steps, shift = self.steps.of(channel), int(self.shifts[channel])
        whole = steps.values << shift
        reaches, before = steps.first <= steps.high, steps.first > steps.low

        def addends(multiplier: int) -> tuple[int, int]:
            at_least = np.where(reaches, whole - multiplier * steps.first, -_ROOM)
            at_most = np.where(before, whole - 1 - multiplier * (steps.first - 1), _ROOM)
            return int(at_least.max(initial=-_ROOM)), int(at_most.min(initial=_ROOM))

        def room(multiplier: int) -> int:
            least, greatest = addends(multiplier)
            return greatest - least

        wanted = int(self.wanted[channel])
        best = _peak(room, wanted - wanted // 8, min(wanted + wanted // 8, _MOST_MULTIPLIER))
        least, greatest = addends(best)
        if least > greatest or least == -_ROOM or greatest == _ROOM:
            return None
        return MultiplyAddShift(best, (least + greatest) // 2, shift, Rounding.FLOOR, None)


def _peak(function: Callable[[int], int], low: int, high: int) -> int:
    """Where a concave function of integers is highest."""
    while high - low > 2:
        third = (high - low) // 3
        left, right = low + third, high - third
        if function(left) < function(right):
            low = left + 1
        else:
            high = right
    return max(range(low, high + 1), key=function)
