# SPDX-License-Identifier: Apache-2.0
"""The gemmlowp requantizer: a rounding high multiply, then a rounding shift."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import INT32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right
from intaglio.numerics.scalings.primitives import (
    saturating_rounding_doubling_high_multiply,
    sign_of,
)

TIES = (Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_TOWARD_POSITIVE, Rounding.FLOOR)


@dataclass(frozen=True, slots=True)
class DoubleRounding:
    """``y = round(SRDHM(wrap32(x << max(s, 0)), multiplier) / 2**max(-s, 0))``, ``s = shift``.

    ``shift`` is positive to the left, as ``quantize_multiplier`` returns it.  The first rounding
    sends halves toward plus infinity; ``ties`` says where the second sends them:

    - ``HALF_AWAY_FROM_ZERO``: TFLite's reference kernels, TFLite Micro, CMSIS-NN, Ethos-U.
    - ``HALF_TOWARD_POSITIVE``: TFLite's optimized x86 kernels (ruy), NEON SQRDMULH then SRSHL.
    - ``FLOOR``: nowhere, the shift rounds down: NEON SQRDMULH then SSHL.

    Raises:
        InvalidOption: the multiplier isn't an int32, the shift isn't within -31..31, or ``ties``
            is another mode.
    """

    multiplier: int
    shift: int
    ties: Rounding

    def __post_init__(self) -> None:
        """Refuse what the 32-bit machine can't hold."""
        if not INT32.contains(self.multiplier):
            raise InvalidOption(
                "DoubleRounding multiplier", self.multiplier, "is not an int32", "give 32 bits"
            )
        if not -31 <= self.shift <= 31:
            raise InvalidOption(
                "DoubleRounding shift", self.shift, "is not within -31..31", "flush the scale to 0"
            )
        if self.ties not in TIES:
            raise InvalidOption(
                "DoubleRounding ties",
                self.ties.value,
                "is no known machine's",
                "choose half-away-from-zero, half-toward-positive or floor",
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; any integer is first wrapped to 32 bits, as the machine does."""
        shifted = INT32.wrap(x << max(self.shift, 0))
        high = saturating_rounding_doubling_high_multiply(shifted, self.multiplier)
        return shift_right(high, max(-self.shift, 0), self.ties)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the product and the added ``2**30``."""
        shifted = accumulator.scale_by(1 << max(self.shift, 0))
        product = (shifted if INT32.interval.contains(shifted) else INT32.interval).scale_by(
            self.multiplier
        )
        return (product | (product + Interval(0, 1 << 30))).signed_bits

    @property
    def monotone_domain(self) -> Interval:
        """The accumulators that ``x << shift`` doesn't wrap."""
        left = max(self.shift, 0)
        return Interval(INT32.minimum >> left, INT32.maximum >> left)

    @property
    def direction(self) -> int:
        """The multiplier's sign."""
        return sign_of(self.multiplier)
