# SPDX-License-Identifier: Apache-2.0
"""One product, one rounding shift: the plainest requantizer."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right
from intaglio.numerics.scalings.primitives import sign_of


@dataclass(frozen=True, slots=True)
class MultiplyShift:
    """``y = round(x * multiplier / 2**shift)``.

    With a 31-bit multiplier, ``shift = 31 - s`` and halves toward plus infinity this is the
    single-rounding build of TFLite and CMSIS-NN, TVM's upward rounding, and XNNPACK's rndnu.

    Raises:
        InvalidOption: the shift is negative.
    """

    multiplier: int
    shift: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Refuse a left shift: it belongs into the multiplier."""
        if self.shift < 0:
            raise InvalidOption(
                "MultiplyShift shift", self.shift, "is negative", "multiply the multiplier instead"
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        return shift_right(x * self.multiplier, self.shift, self.rounding)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the product and, in half modes, the added half."""
        product = accumulator.scale_by(self.multiplier)
        if self.shift and self.rounding.to_nearest:
            product |= product + Interval(0, 1 << (self.shift - 1))
        return product.signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers."""
        return None

    @property
    def direction(self) -> int:
        """The multiplier's sign."""
        return sign_of(self.multiplier)
