# SPDX-License-Identifier: Apache-2.0
"""The requantizer of power-of-two scales."""

from dataclasses import dataclass

from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right


@dataclass(frozen=True, slots=True)
class Shift:
    """``y = round(x / 2**shift)``; a negative shift is an exact left shift."""

    shift: int
    rounding: Rounding

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        if self.shift < 0:
            return x << -self.shift
        return shift_right(x, self.shift, self.rounding)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the shifted value and, in half modes, the half."""
        if self.shift < 0:
            return accumulator.scale_by(1 << -self.shift).signed_bits
        if self.shift and self.rounding.to_nearest:
            accumulator |= accumulator + Interval(0, 1 << (self.shift - 1))
        return accumulator.signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers."""
        return None

    @property
    def direction(self) -> int:
        """Never decreasing."""
        return 1
