# SPDX-License-Identifier: Apache-2.0
"""Rounding stages as affine functions of the accumulator, piece by piece."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import assert_never

from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide


@dataclass(frozen=True, slots=True)
class Branch:
    """One piece, on which the stage rounds ``round((slope * t + offset) / unit) / denominator``.

    ``v`` is ``slope * t + offset``, ``h`` is ``round(v / unit)``.

    Attributes:
        variables: the ``t`` of the piece.
        slope: of v.
        offset: of v.
        denominator: what the stage divides by.
        first: with ``stride``: t stands for the accumulator ``first + stride * t``.
        stride: see ``first``.
        limits: the accumulators of the whole; one beyond stands for the end.
        unit: of an earlier rounding; 1 where there is none.
        inner: how the earlier rounding rounds.
        lift: for a ``t`` that an earlier stage computed: an accumulator for which it does.
    """

    variables: Interval
    slope: int
    offset: int
    denominator: int
    first: int
    stride: int
    limits: Interval
    unit: int = 1
    inner: Rounding = Rounding.FLOOR
    lift: Callable[[int], int] | None = field(default=None, compare=False)

    def accumulator(self, t: int) -> int:
        """The accumulator that ``t`` stands for."""
        if self.lift is not None:
            return self.lift(t)
        return min(max(self.first + self.stride * t, self.limits.low), self.limits.high)

    def rounded(self, t: int) -> int:
        """``h``, the integer that the stage rounds; exact."""
        return divide(self.slope * t + self.offset, self.unit, self.inner)

    def within(self, low: int | None, high: int | None) -> "Branch | None":
        """The part with ``low <= h <= high``; None where there is none."""
        least = None if low is None else least_numerator(low, self.unit, self.inner)
        most = None if high is None else least_numerator(high + 1, self.unit, self.inner) - 1
        variables = solve_affine(self.slope, self.offset, least, most, self.variables)
        return None if variables is None else replace(self, variables=variables)


@dataclass(frozen=True, slots=True)
class RoundingStage:
    """A stage that discards a fraction.

    Attributes:
        name: what the stage is.
        mode: how it rounds.
        branches: its pieces.
        complete: whether the pieces stand for all accumulators, not just for some.
    """

    name: str
    mode: Rounding
    branches: tuple[Branch, ...]
    complete: bool = True


def solve_affine(
    slope: int, offset: int, low: int | None, high: int | None, variables: Interval
) -> Interval | None:
    """The ``t`` of ``variables`` with ``low <= slope * t + offset <= high``; None is no bound."""
    if slope < 0:
        slope, offset = -slope, -offset
        low, high = None if high is None else -high, None if low is None else -low
    if slope == 0:
        holds = (low is None or low <= offset) and (high is None or offset <= high)
        return variables if holds else None
    first = variables.low if low is None else max(variables.low, -((offset - low) // slope))
    last = variables.high if high is None else min(variables.high, (high - offset) // slope)
    return Interval(first, last) if first <= last else None


def least_numerator(quotient: int, unit: int, mode: Rounding) -> int:
    """The least ``v`` with ``round(v / unit) >= quotient``: every mode is monotone.

    >>> [least_numerator(3, 4, mode) for mode in (Rounding.FLOOR, Rounding.HALF_EVEN)]
    [12, 11]
    """
    middle = (2 * quotient - 1) * unit
    match mode:
        case Rounding.FLOOR:
            return quotient * unit
        case Rounding.CEIL:
            return (quotient - 1) * unit + 1
        case Rounding.TOWARD_ZERO:
            directed = Rounding.FLOOR if quotient > 0 else Rounding.CEIL
            return least_numerator(quotient, unit, directed)
        case Rounding.AWAY_FROM_ZERO:
            directed = Rounding.CEIL if quotient > 0 else Rounding.FLOOR
            return least_numerator(quotient, unit, directed)
        case Rounding.HALF_TOWARD_POSITIVE:
            return -(-middle // 2)
        case Rounding.HALF_TOWARD_NEGATIVE:
            return middle // 2 + 1
        case Rounding.HALF_EVEN:
            return -(-middle // 2) if quotient % 2 == 0 else middle // 2 + 1
        case Rounding.HALF_AWAY_FROM_ZERO:
            return -(-middle // 2) if quotient > 0 else middle // 2 + 1
        case Rounding.HALF_TOWARD_ZERO:
            return middle // 2 + 1 if quotient > 0 else -(-middle // 2)
        case _:
            assert_never(mode)
