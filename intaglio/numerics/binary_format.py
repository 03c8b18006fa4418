# SPDX-License-Identifier: Apache-2.0
"""IEEE-754 binary formats: between bit patterns and exact values, rounded half to even."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Self

from intaglio.errors import InvalidData, InvalidOption


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """The shape of an IEEE-754 binary format: bits of significand, hidden one counted, and word."""

    name: str
    precision: int
    word: int
    infinity: int = field(init=False)
    """The bit pattern of plus infinity: the first that isn't finite."""
    lowest_exponent: int = field(init=False)
    """The exponent of the smallest subnormal, ``2**lowest_exponent``."""

    def __post_init__(self) -> None:
        """Work out once what every operation needs."""
        exponent_bits = self.word - self.precision
        infinity = ((1 << exponent_bits) - 1) << (self.precision - 1)
        object.__setattr__(self, "infinity", infinity)
        lowest_exponent = 3 - (1 << (exponent_bits - 1)) - self.precision
        object.__setattr__(self, "lowest_exponent", lowest_exponent)

    def encode(self, negative: bool, magnitude: int, exponent: int) -> int:
        """The bits of ``±magnitude * 2**exponent``, rounded half to even, subnormals included.

        Raises:
            InvalidData: the value overflows the format.
        """
        if magnitude == 0:
            return negative << (self.word - 1)
        quantum = max(exponent + magnitude.bit_length() - self.precision, self.lowest_exponent)
        excess = quantum - exponent
        if excess <= 0:
            significand = magnitude << -excess
        else:
            significand, rest = magnitude >> excess, magnitude & ((1 << excess) - 1)
            half = 1 << (excess - 1)
            significand += rest > half or (rest == half and significand % 2 == 1)
        # The hidden bit adds one to the exponent field; so does a significand that rounded up.
        bits = ((quantum - self.lowest_exponent) << (self.precision - 1)) + significand
        if bits >= self.infinity:
            raise InvalidData(
                f"{self.name} arithmetic",
                "a result beyond the largest finite value",
                "a finite value",
                "use scales and accumulators that keep results finite",
            )
        return bits | (negative << (self.word - 1))

    def decode(self, bits: int) -> tuple[bool, int, int]:
        """The sign, magnitude and exponent of ``±magnitude * 2**exponent``."""
        hidden = 1 << (self.precision - 1)
        biased = (bits & self.infinity) >> (self.precision - 1)
        negative, fraction = bool(bits >> (self.word - 1)), bits & (hidden - 1)
        if biased == 0:
            return negative, fraction, self.lowest_exponent
        return negative, hidden | fraction, self.lowest_exponent + biased - 1


@dataclass(frozen=True, slots=True)
class BinaryFloat:
    """What both formats share.

    Raises:
        InvalidOption: the bits don't fit the word, or aren't those of a finite value.
    """

    bits: int

    form: ClassVar[BinaryFormat]

    def __post_init__(self) -> None:
        """Refuse NaN, infinities and patterns that don't fit."""
        form = self.form
        if not 0 <= self.bits < 1 << form.word:
            raise InvalidOption(
                f"{form.name} bits", self.bits, "don't fit the word", f"give {form.word} bits"
            )
        if self.bits & form.infinity == form.infinity:
            raise InvalidOption(
                f"{form.name} bits", f"{self.bits:#x}", "are not a finite value", "give a number"
            )

    @classmethod
    def from_dyadic(cls, negative: bool, magnitude: int, exponent: int) -> Self:
        """Round ``±magnitude * 2**exponent`` half to even.

        Raises:
            InvalidData: the value overflows.
        """
        return cls(cls.form.encode(negative, magnitude, exponent))

    @classmethod
    def from_fraction(cls, value: Fraction) -> Self:
        """Round an exact rational half to even: correctly rounded, subnormals included.

        Raises:
            InvalidData: the value overflows.
        """
        numerator, denominator = abs(value.numerator), value.denominator
        # Two bits more than the precision and a sticky bit decide every rounding.
        shift = cls.form.precision + 3 + denominator.bit_length() - numerator.bit_length()
        shift = max(shift, 0)
        quotient, remainder = divmod(numerator << shift, denominator)
        return cls.from_dyadic(value < 0, quotient << 1 | (remainder != 0), -shift - 1)

    @classmethod
    def from_integer(cls, value: int) -> Self:
        """Round an integer half to even."""
        return cls.from_dyadic(value < 0, abs(value), 0)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a decimal, correctly rounded; the inverse of ``str``.

        Raises:
            InvalidOption: ``text`` isn't a decimal number.
            InvalidData: the value overflows.
        """
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise InvalidOption(
                cls.form.name, text, "is not a decimal number", "write one such as 0.125 or 1e-5"
            ) from None
        number = cls.from_fraction(value)
        if value == 0 and text.lstrip().startswith("-"):
            return cls(1 << (cls.form.word - 1))
        return number

    @property
    def dyadic(self) -> tuple[bool, int, int]:
        """The sign, magnitude and exponent of ``±magnitude * 2**exponent``."""
        return self.form.decode(self.bits)

    @property
    def negative(self) -> bool:
        """Whether the sign bit is set; true of negative zero."""
        return bool(self.bits >> (self.form.word - 1))

    @property
    def fraction(self) -> Fraction:
        """The exact value."""
        negative, magnitude, exponent = self.dyadic
        value = Fraction(magnitude) * Fraction(2) ** exponent
        return -value if negative else value
