# SPDX-License-Identifier: Apache-2.0
"""A staircase given by its steps."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``y`` = how many of ``values`` are ``<= x``; negated where ``descending``.

    FINN's and QONNX's MultiThreshold, N2UQ's learned steps.  Equal values are a step of two.

    Raises:
        InvalidOption: the values aren't in ascending order.
    """

    values: tuple[int, ...]
    descending: bool = False

    def __post_init__(self) -> None:
        """Refuse steps out of order."""
        for left, right in pairwise(self.values):
            if left > right:
                raise InvalidOption(
                    "thresholds", f"{left}, {right}", "are out of order", "sort them ascending"
                )

    def apply(self, x: int) -> int:
        """Count the steps that ``x`` has reached; exact for every integer."""
        count = bisect_right(self.values, x)
        return -count if self.descending else count

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the accumulator: nothing is multiplied."""
        return accumulator.signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers."""
        return None

    @property
    def direction(self) -> int:
        """-1 where ``descending``, else +1."""
        return -1 if self.descending else 1
