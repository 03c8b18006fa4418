# SPDX-License-Identifier: Apache-2.0
"""Exact integer intervals: what values an integer can take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intaglio.errors import InvalidOption

if TYPE_CHECKING:
    from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class Interval:
    """All integers ``low <= x <= high``; never empty, unbounded in size.

    Raises:
        InvalidOption: ``low`` is above ``high``.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        """Refuse an empty interval."""
        if self.low > self.high:
            raise InvalidOption(
                "interval", f"[{self.low}, {self.high}]", "is empty", "give low <= high"
            )

    def __str__(self) -> str:
        """Write ``[low, high]``."""
        return f"[{self.low}, {self.high}]"

    def __add__(self, other: "Interval") -> "Interval":
        """All sums of a value of each."""
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Interval") -> "Interval":
        """All differences of a value of each."""
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, other: "Interval") -> "Interval":
        """The hull of all products of a value of each.

        >>> Interval(-2, 3) * Interval(-5, 4)
        Interval(low=-15, high=12)
        """
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(corners), max(corners))

    def __or__(self, other: "Interval") -> "Interval":
        """The hull, as ``hull``."""
        return self.hull(other)

    def negate(self) -> "Interval":
        """All negated values."""
        return Interval(-self.high, -self.low)

    def hull(self, other: "Interval") -> "Interval":
        """The smallest interval that contains both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    @staticmethod
    def hull_of(parts: "Iterable[int | Interval]") -> "Interval":
        """The smallest interval that contains every integer and interval among ``parts``.

        >>> Interval.hull_of([3, Interval(-2, 1)])
        Interval(low=-2, high=3)

        Raises:
            InvalidOption: there are none.
        """
        intervals = [x if isinstance(x, Interval) else Interval(x, x) for x in parts]
        if not intervals:
            raise InvalidOption("hull", "()", "is empty", "give at least one integer or interval")
        return Interval(min(x.low for x in intervals), max(x.high for x in intervals))

    def intersects(self, other: "Interval") -> bool:
        """Whether a value lies in both."""
        return self.low <= other.high and other.low <= self.high

    def contains(self, other: "int | Interval") -> bool:
        """Whether the integer, or every value of the interval, lies in this one."""
        if isinstance(other, Interval):
            return self.low <= other.low and other.high <= self.high
        return self.low <= other <= self.high

    def scale_by(self, factor: int) -> "Interval":
        """The hull of all values times one integer."""
        low, high = self.low * factor, self.high * factor
        return Interval(low, high) if factor >= 0 else Interval(high, low)

    @property
    def width(self) -> int:
        """The distance ``high - low``; there are ``width + 1`` values."""
        return self.high - self.low

    @property
    def magnitude(self) -> int:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))

    @property
    def signed_bits(self) -> int:
        """Bits of the narrowest two's complement integer that holds every value, of any width.

        >>> Interval(-128, 127).signed_bits, Interval(0, 128).signed_bits
        (8, 9)
        """
        return 1 + max((~x if x < 0 else x).bit_length() for x in (self.low, self.high))

    def smallest_type(self) -> "IntType":
        """The narrowest integer type that contains all values; unsigned when ``low >= 0``.

        Raises:
            InvalidOption: no type of at most 64 bits contains them.
        """
        from intaglio.numerics.integers import IntType

        if self.low >= 0:
            return IntType(max(1, self.high.bit_length()), signed=False)
        return IntType(self.signed_bits, signed=True)
