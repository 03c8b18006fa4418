# SPDX-License-Identifier: Apache-2.0
"""The requantizer of 16-bit activations: a 48-bit accumulator times a 16-bit multiplier."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.scalings.primitives import sign_of

ACCUMULATOR = IntType(48, signed=True)


@dataclass(frozen=True, slots=True)
class Int16Multiply:
    """``y = (x * R + 2**(T-1)) >> T`` with ``T = 15 - shift``.

    ``R = (multiplier + 2**15) >> 16``, but ``0x7FFF`` from ``multiplier = 0x7FFF0000`` on: the
    31-bit multiplier reduced to 15 bits and a sign.  ``shift`` is positive to the left.
    Source: TFLite's int16x8 kernels, ``MultiplyByQuantizedMultiplier`` of an int64;
    CMSIS-NN ``arm_nn_requantize_s64``.

    Raises:
        InvalidOption: the multiplier isn't an int32 or the shift isn't within -31..7.
    """

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        """Refuse what the machine can't hold."""
        if not INT32.contains(self.multiplier):
            raise InvalidOption(
                "Int16Multiply multiplier", self.multiplier, "is not an int32", "give 32 bits"
            )
        if not -31 <= self.shift <= 7:
            raise InvalidOption(
                "Int16Multiply shift", self.shift, "is not within -31..7", "rescale the operands"
            )

    @property
    def reduced_multiplier(self) -> int:
        """``R``, the multiplier in 16 bits."""
        if self.multiplier >= 0x7FFF0000:
            return 0x7FFF
        return (self.multiplier + (1 << 15)) >> 16

    @property
    def total_shift(self) -> int:
        """``T``, the right shift."""
        return 15 - self.shift

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer, though machines hold 48 bits."""
        return (x * self.reduced_multiplier + (1 << (self.total_shift - 1))) >> self.total_shift

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the product and the added half."""
        product = accumulator.scale_by(self.reduced_multiplier)
        return (product | (product + Interval(0, 1 << (self.total_shift - 1)))).signed_bits

    @property
    def monotone_domain(self) -> Interval:
        """The 48-bit accumulators that the machine takes."""
        return ACCUMULATOR.interval

    @property
    def direction(self) -> int:
        """The reduced multiplier's sign."""
        return sign_of(self.reduced_multiplier)
