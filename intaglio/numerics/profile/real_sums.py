# SPDX-License-Identifier: Apache-2.0
"""A sum in the real numbers that is rounded once, as the thresholds of its codes."""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, divide
from intaglio.numerics.scalings import Thresholds

MOST_STEPS = 255
_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class RealSum:
    """y = min(max(round(x * real + addend) + zero_point, low), high), for positive ``real``."""

    real: Fraction
    addend: Fraction
    rounding: Rounding
    zero_point: int
    low: int
    high: int


def steps_of(total: RealSum, reachable: Interval) -> Thresholds:
    """Where y climbs from ``low`` to ``high``, for every x that is reachable.

    >>> total = RealSum(Fraction(1, 2), Fraction(1, 4), Rounding.HALF_EVEN, 0, 0, 2)
    >>> steps_of(total, Interval(-9, 9)).values
    (1, 3)
    """
    real, addend, mode = total.real, total.addend, total.rounding
    denominator = real.denominator * addend.denominator
    numerator = real.numerator * addend.denominator
    constant = addend.numerator * real.denominator

    def level(x: int) -> int:
        return divide(x * numerator + constant, denominator, mode)

    def first(wanted: int) -> int:
        # Whatever the mode, x * real + addend passes from wanted - 1 to wanted on the way.
        start = floor((wanted - 1 - addend) / real)
        end = floor((wanted - addend) / real) + 2
        if mode.to_nearest:
            start = floor((wanted - _HALF - addend) / real)
            end = start + 2
        return bisect_left(range(start, end), wanted, key=level) + start

    # A step that nothing reaches, or everything, is kept in the accumulator's own range.
    every, none = reachable.low, reachable.high + 1
    codes = range(total.low + 1, total.high + 1)
    return Thresholds(
        tuple(min(max(first(code - total.zero_point), every), none) for code in codes)
    )


def threshold_requantizer(total: RealSum, reachable: Interval) -> Requantizer:
    """The codes of a real sum, by counting thresholds.

    Raises:
        InvalidOption: there are more than 255 thresholds, or the multiplier isn't positive.
    """
    steps = total.high - total.low
    if steps > MOST_STEPS:
        raise InvalidOption(
            "thresholds",
            steps,
            "are more than a table of them holds",
            f"give results of at most {MOST_STEPS + 1} codes",
        )
    if total.real <= 0:
        raise InvalidOption(
            "multiplier", total.real, "is not positive", "give a positive scale or slope"
        )
    return Requantizer(steps_of(total, reachable), total.low, total.low, total.high)
