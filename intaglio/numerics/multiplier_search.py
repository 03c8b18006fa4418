# SPDX-License-Identifier: Apache-2.0
"""The smallest multiplier that changes nothing.

A multiply-shift with real factor ``r = multiplier / 2**shift`` is monotone in the accumulator.  So
it equals a target staircase on an interval exactly when it does at both ends of every run of
constant output.  Each end ``x`` bounds ``x * r`` on one side or both; the factors that satisfy all
of them form an interval of reals, and the multipliers of one shift are the integers within
``2**shift`` times it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift, RationalMultiply
from intaglio.numerics.staircase import staircase


@dataclass(frozen=True, slots=True)
class HalfLine:
    """The reals from ``end`` on, ``upward`` or downward, with ``end`` itself where ``closed``."""

    end: Fraction
    closed: bool
    upward: bool

    def contains(self, value: Fraction) -> bool:
        """Whether ``value`` lies on it."""
        if value == self.end:
            return self.closed
        return (value > self.end) == self.upward

    def complement(self) -> "HalfLine":
        """All other reals."""
        return HalfLine(self.end, not self.closed, not self.upward)

    def divided_by(self, divisor: int) -> "HalfLine":
        """The reals whose product with a non-zero ``divisor`` lies on it."""
        return HalfLine(self.end / divisor, self.closed, self.upward == (divisor > 0))

    def integer_end(self, shift: int) -> int:
        """The first integer ``m`` with ``m / 2**shift`` on it."""
        scaled = self.end * (1 << shift)
        floor = scaled.numerator // scaled.denominator
        exact = floor == scaled
        if self.upward:
            return floor if exact and self.closed else floor + 1
        return floor - 1 if exact and not self.closed else floor


@dataclass(frozen=True, slots=True)
class FeasibleFactors:
    """The real factors with which a multiply-shift equals a target; ``None``: no bound there."""

    lower: HalfLine | None
    upper: HalfLine | None

    def multipliers(self, shift: int) -> tuple[int | None, int | None]:
        """The least and the greatest multiplier at one shift; none lie between where they cross."""
        least = None if self.lower is None else self.lower.integer_end(shift)
        greatest = None if self.upper is None else self.upper.integer_end(shift)
        return least, greatest

    def smallest(self, shift: int) -> int | None:
        """The multiplier nearest to zero at one shift; ``None`` where there is none."""
        least, greatest = self.multipliers(shift)
        if least is not None and greatest is not None and least > greatest:
            return None
        if least is not None and least > 0:
            return least
        if greatest is not None and greatest < 0:
            return greatest
        return 0


def feasible_factors(
    target: Requantizer, interval: Interval, rounding: Rounding
) -> FeasibleFactors | None:
    """The real factors with which a multiply-shift that rounds by ``rounding`` equals ``target``.

    Zero point and clamp are the target's.  ``None``: no factor does, whatever its precision.

    Raises:
        InvalidOption: the target isn't known to be monotone on the interval.
    """
    lower: HalfLine | None = None
    upper: HalfLine | None = None
    for x, products in _constraints(target, interval, rounding):
        if x == 0:
            if not products.contains(Fraction(0)):
                return None
            continue
        line = products.divided_by(x)
        if line.upward:
            lower = _tighter(lower, line)
        else:
            upper = _tighter(upper, line)
    return FeasibleFactors(lower, upper)


def matching_multiplier(
    target: Requantizer,
    interval: Interval,
    rounding: Rounding = Rounding.HALF_TOWARD_POSITIVE,
    maximum_bits: int = 31,
    maximum_shift: int = 62,
) -> MultiplyShift | None:
    """The multiply-shift of fewest multiplier bits that equals ``target`` on all of ``interval``.

    Zero point and clamp are the target's.  ``None``: none of at most ``maximum_bits`` bits of
    magnitude and ``maximum_shift`` does.

    A multiplier that serves at one shift serves doubled at the next, so the first shift that has
    one has the smallest.

    Raises:
        InvalidOption: the target isn't known to be monotone on the interval, or a maximum is
            negative.
    """
    for name, maximum in (("maximum bits", maximum_bits), ("maximum shift", maximum_shift)):
        if maximum < 0:
            raise InvalidOption(name, maximum, "is negative", "give 0 or more")
    factors = feasible_factors(target, interval, rounding)
    if factors is None:
        return None
    for shift in range(maximum_shift + 1):
        multiplier = factors.smallest(shift)
        if multiplier is None:
            continue
        if abs(multiplier).bit_length() > maximum_bits:
            return None
        return MultiplyShift(multiplier, shift, rounding)
    return None


def smallest_multiplier(
    scale: Fraction,
    interval: Interval,
    zero_point: int,
    low: int,
    high: int,
    ties: Rounding,
    rounding: Rounding = Rounding.HALF_TOWARD_POSITIVE,
    maximum_bits: int = 31,
    maximum_shift: int = 62,
) -> MultiplyShift | None:
    """The multiply-shift of fewest bits that equals the exact scale, rounded by ``ties``.

    ``y = min(max(round(x * scale) + zero_point, low), high)`` on all of ``interval``; the
    multiply-shift itself rounds by ``rounding``.  See ``matching_multiplier``.

    >>> smallest = smallest_multiplier(
    ...     Fraction(1, 3), Interval(-100, 100), 0, -128, 127, Rounding.HALF_TOWARD_POSITIVE
    ... )
    >>> smallest.multiplier, smallest.shift
    (85, 8)
    """
    exact = RationalMultiply(scale.numerator, scale.denominator, ties)
    target = Requantizer(exact, zero_point, low, high)
    return matching_multiplier(target, interval, rounding, maximum_bits, maximum_shift)


def _constraints(
    target: Requantizer, interval: Interval, rounding: Rounding
) -> Iterator[tuple[int, HalfLine]]:
    """Pairs of an accumulator and the half-line on which its real product must lie."""
    for run, value in staircase(target, interval).runs():
        for x in {run.low, run.high}:
            if value > target.low:
                yield x, _rounds_to_at_least(value - target.zero_point, rounding)
            if value < target.high:
                yield x, _rounds_to_at_least(value - target.zero_point + 1, rounding).complement()


def _rounds_to_at_least(value: int, mode: Rounding) -> HalfLine:
    """The reals that ``mode`` rounds to ``value`` or more."""
    half = Fraction(1, 2)
    match mode:
        case Rounding.FLOOR:
            return HalfLine(Fraction(value), closed=True, upward=True)
        case Rounding.CEIL:
            return HalfLine(Fraction(value - 1), closed=False, upward=True)
        case Rounding.TOWARD_ZERO:
            return _rounds_to_at_least(value, Rounding.FLOOR if value > 0 else Rounding.CEIL)
        case Rounding.AWAY_FROM_ZERO:
            return _rounds_to_at_least(value, Rounding.CEIL if value > 0 else Rounding.FLOOR)
        case Rounding.HALF_TOWARD_POSITIVE:
            return HalfLine(value - half, closed=True, upward=True)
        case Rounding.HALF_TOWARD_NEGATIVE:
            return HalfLine(value - half, closed=False, upward=True)
        case Rounding.HALF_EVEN:
            return HalfLine(value - half, closed=value % 2 == 0, upward=True)
        case Rounding.HALF_AWAY_FROM_ZERO:
            return HalfLine(value - half, closed=value > 0, upward=True)
        case Rounding.HALF_TOWARD_ZERO:
            return HalfLine(value - half, closed=value <= 0, upward=True)
        case _:
            assert_never(mode)


def _tighter(a: HalfLine | None, b: HalfLine) -> HalfLine:
    """The intersection of two half-lines of one direction."""
    return b if a is None or a.contains(b.end) else a
