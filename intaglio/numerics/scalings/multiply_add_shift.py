# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation in integers: multiply, add, shift."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right
from intaglio.numerics.scalings.primitives import sign_of


@dataclass(frozen=True, slots=True)
class MultiplyAddShift:
    """``y = round(wrap(x * multiplier + addend) / 2**shift)``.

    ``sum_type`` is the machine word that the sum wraps to; ``None`` where it is wide enough.
    DORY and PULP-NN: floor, i32.  Deeploy adds its half inside the wrapping i32 sum: floor, with
    ``2**(shift-1)`` in the addend.

    Raises:
        InvalidOption: the shift is negative.
    """

    multiplier: int
    addend: int
    shift: int
    rounding: Rounding
    sum_type: IntType | None

    def __post_init__(self) -> None:
        """Refuse a left shift: it belongs into the multiplier."""
        if self.shift < 0:
            raise InvalidOption(
                "MultiplyAddShift shift",
                self.shift,
                "is negative",
                "multiply the multiplier instead",
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        total = x * self.multiplier + self.addend
        if self.sum_type is not None:
            total = self.sum_type.wrap(total)
        return shift_right(total, self.shift, self.rounding)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold product and sum before they wrap."""
        product = accumulator.scale_by(self.multiplier)
        total = product + Interval(self.addend, self.addend)
        if self.shift and self.rounding.to_nearest:
            total |= total + Interval(0, 1 << (self.shift - 1))
        return (product | total).signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """The accumulators whose sum doesn't wrap; all integers where nothing can.

        An empty set (a multiplier and addend that wrap everywhere) is given as the accumulators
        nearest to it: ``[0, 0]``, on which one value is trivially monotone.
        """
        if self.sum_type is None or self.multiplier == 0:
            return None
        low, high = self.sum_type.minimum - self.addend, self.sum_type.maximum - self.addend
        if self.multiplier < 0:
            low, high = -high, -low
        first, last = -(-low // abs(self.multiplier)), high // abs(self.multiplier)
        return Interval(first, last) if first <= last else Interval(0, 0)

    @property
    def direction(self) -> int:
        """The multiplier's sign."""
        return sign_of(self.multiplier)
