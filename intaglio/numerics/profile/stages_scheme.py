# SPDX-License-Identifier: Apache-2.0
"""The requantizer of a hardware file: its registers, one after another."""

from dataclasses import dataclass
from enum import Enum

from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.profile.ranges import require_within
from intaglio.numerics.rounding import Rounding


class ZeroPointPlace(Enum):
    """Where a requantizer adds the result's zero point z."""

    BEFORE_MULTIPLIER = "before-multiplier"
    """An offset round(z / r) is added to the accumulator, of the real multiplier r."""
    BEFORE_SHIFT = "before-shift"
    """z * 2**shift is added to the product, inside the rounding."""
    AFTER_SHIFT = "after-shift"
    """z is added to the rounded value."""


class ClampOrder(Enum):
    """What a requantizer saturates to the result's type."""

    AFTER_ZERO_POINT = "after-zero-point"
    """The code."""
    BEFORE_ZERO_POINT = "before-zero-point"
    """The scaled value, before the zero point is added; and the code again."""


@dataclass(frozen=True, slots=True)
class StagesScheme:
    """Pre-shift, multiply, shift, zero point, clamp: each as wide as the hardware has it.

    ``r' = r * 2**pre_shift`` of the real multiplier r; the multiplier is the integer nearest to
    ``r' * 2**shift`` (halves away from zero) at the largest shift at which it fits.

        x0 = saturate(x)                                in input_bits
        x1 = pre_shift_rounding(x0 / 2**pre_shift)
        x2 = x1 + offset                                (zero_point = before-multiplier)
        p  = product_overflow(x2 * multiplier)          in product_bits
        p  = p + zero_point * 2**shift                  (zero_point = before-shift)
        y  = rounding(p / 2**(shift - second_shift))
        y  = second_rounding(y / 2**second_shift)       (where second_shift > 0)
        y  = saturate(y)                                in result_bits; or in the result's type
        y  = y + zero_point                             (zero_point = after-shift)
        code = clamp(y), or clamp(wrap(y)) where store wraps

    Attributes:
        multiplier_bits: width of the multiplier's register, its sign included.
        rounding: of the shift.
        zero_point: where it is added.
        signed_multiplier: whether one of the bits is a sign.
        normalised: whether the multiplier's highest bit has to be set.
        minimum_shift: the least shift that the shifter does.
        maximum_shift: the greatest.
        pre_shift: bits that are dropped of the accumulator before it is multiplied.
        pre_shift_rounding: how.
        product_bits: width of the product's register; 0 for one that holds every product.
        product_overflow: what it does with a product that doesn't fit; ``trap``: refuse networks
            with such products.
        second_shift: bits of the shift that are shifted in a second, rounding step.
        second_rounding: of that step.
        result_bits: width of the register behind the shift, which saturates; 0 for one that holds
            every value.
        input_bits: width of the register between accumulator and requantizer, which saturates; 0
            for one that holds every sum.
        clamp: what is saturated to the result's type.
        store: ``wrap`` keeps the low bits of the code, ``saturate`` saturates.
    """

    multiplier_bits: int
    rounding: Rounding
    zero_point: ZeroPointPlace
    signed_multiplier: bool = False
    normalised: bool = True
    minimum_shift: int = 0
    maximum_shift: int = 63
    pre_shift: int = 0
    pre_shift_rounding: Rounding = Rounding.FLOOR
    product_bits: int = 0
    product_overflow: Overflow = Overflow.WRAP
    second_shift: int = 0
    second_rounding: Rounding = Rounding.HALF_AWAY_FROM_ZERO
    result_bits: int = 0
    input_bits: int = 0
    clamp: ClampOrder = ClampOrder.AFTER_ZERO_POINT
    store: Overflow = Overflow.SATURATE

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has, and fields that contradict each other."""
        require_within("multiplier_bits", self.multiplier_bits, 1 + self.signed_multiplier, 62)
        require_within("maximum_shift", self.maximum_shift, 0, 127)
        require_within("minimum_shift", self.minimum_shift, 0, self.maximum_shift)
        require_within("pre_shift", self.pre_shift, 0, 62)
        require_within("second_shift", self.second_shift, 0, self.minimum_shift)
        require_within("product_bits", self.product_bits, 0, 128)
        require_within("result_bits", self.result_bits, 0, 64)
        require_within("input_bits", self.input_bits, 0, 64)
        early = self.clamp is ClampOrder.BEFORE_ZERO_POINT
        if early and self.zero_point is not ZeroPointPlace.AFTER_SHIFT:
            raise InvalidOption(
                "clamp",
                self.clamp.value,
                f"has no zero point behind it where zero_point is {self.zero_point.value}",
                "give after-zero-point, or zero_point = after-shift",
            )
        if self.product_overflow is Overflow.SATURATE_EACH_ADD:
            raise InvalidOption(
                "product_overflow", "saturate-each-add", "is for sums", "use saturate"
            )
        if self.store not in (Overflow.WRAP, Overflow.SATURATE):
            raise InvalidOption("store", self.store.value, "is no store", "use wrap or saturate")

    @property
    def magnitude_bits(self) -> int:
        """Of the multiplier, its sign left out."""
        return self.multiplier_bits - self.signed_multiplier
