# SPDX-License-Identifier: Apache-2.0
"""Accumulators that lie a constant distance apart: what weights with a common factor can reach."""

from collections.abc import Callable
from dataclasses import dataclass

from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Progression:
    """``first + step * i`` for ``i`` in ``indices``; ``step >= 1``."""

    first: int
    step: int
    indices: Interval

    @staticmethod
    def of(interval: Interval, step: int = 1) -> "Progression":
        """``interval.low`` and every ``step``-th accumulator above it."""
        return Progression(interval.low, step, Interval(0, interval.width // step))

    def at(self, index: int) -> int:
        """The accumulator with an index."""
        return self.first + self.step * index

    @property
    def hull(self) -> Interval:
        """From the lowest to the highest."""
        return Interval(self.at(self.indices.low), self.at(self.indices.high))

    def within(self, limits: Interval) -> "Progression | None":
        """Those of an interval; None where there are none."""
        low = max(self.indices.low, -((self.first - limits.low) // self.step))
        high = min(self.indices.high, (limits.high - self.first) // self.step)
        return Progression(self.first, self.step, Interval(low, high)) if low <= high else None

    def contains(self, x: int) -> bool:
        """Whether ``x`` is one of them."""
        return (x - self.first) % self.step == 0 and self.hull.contains(x)

    def first_index(self, holds: Callable[[int], bool]) -> int | None:
        """The least index whose accumulator ``holds``, given that all above it do too."""
        low, high = self.indices.low, self.indices.high
        if not holds(self.at(high)):
            return None
        while low < high:
            middle = (low + high) // 2
            if holds(self.at(middle)):
                high = middle
            else:
                low = middle + 1
        return low
