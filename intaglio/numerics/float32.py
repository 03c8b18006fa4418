# SPDX-License-Identifier: Apache-2.0
"""IEEE-754 binary32 constants and float arithmetic in integers, which hardware floats must equal.

Every operation is exact in integers and rounds once, half to even, subnormals and signed zeros
included.  Operands and results are finite: an overflow is an error, not an infinity.  The
operations take two ``Float32`` or two ``Float64``.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from intaglio.errors import InvalidOption
from intaglio.numerics.binary_format import BinaryFloat, BinaryFormat
from intaglio.numerics.float64 import Float64
from intaglio.numerics.rounding import Rounding, shift_right

BINARY32 = BinaryFormat("float32", precision=24, word=32)


@dataclass(frozen=True, slots=True)
class Float32(BinaryFloat):
    """A finite IEEE-754 binary32 number, held by its bit pattern.

    >>> Float32.from_value(0.1).bits == 0x3DCCCCCD, str(Float32(0x3DCCCCCD))
    (True, '0.1')
    """

    form: ClassVar[BinaryFormat] = BINARY32

    @classmethod
    def from_value(cls, value: float) -> "Float32":
        """Round a Python float half to even.

        Raises:
            InvalidData: the value is NaN, infinite, or overflows.
        """
        return cls.from_dyadic(*Float64.from_value(value).dyadic)

    @property
    def value(self) -> float:
        """The same number as a Python float; exact."""
        number: float = struct.unpack("<f", self.bits.to_bytes(4, "little"))[0]
        return number

    def __str__(self) -> str:
        """The shortest decimal that ``parse`` reads back to the same bits."""
        return str(np.uint32(self.bits).view(np.float32))


AnyFloat = TypeVar("AnyFloat", Float32, Float64)


def from_integer(value: int) -> Float32:
    """``fl32(value)``: round an integer half to even; raises ``InvalidData`` on overflow."""
    return Float32.from_integer(value)


def negate(a: AnyFloat) -> AnyFloat:
    """``-a``: the sign bit flipped."""
    return type(a)(a.bits ^ (1 << (a.form.word - 1)))


def multiply(a: AnyFloat, b: AnyFloat) -> AnyFloat:
    """``fl(a * b)``; raises ``InvalidData`` on overflow."""
    (sign_a, magnitude_a, exponent_a), (sign_b, magnitude_b, exponent_b) = a.dyadic, b.dyadic
    return a.from_dyadic(sign_a != sign_b, magnitude_a * magnitude_b, exponent_a + exponent_b)


def divide(a: AnyFloat, b: AnyFloat) -> AnyFloat:
    """``fl(a / b)``; raises ``InvalidOption`` on a zero divisor, ``InvalidData`` on overflow."""
    (sign_a, magnitude_a, exponent_a), (sign_b, magnitude_b, exponent_b) = a.dyadic, b.dyadic
    if magnitude_b == 0:
        raise InvalidOption("float divisor", b, "has no quotient", "give another divisor")
    # Two bits more than the precision and a sticky bit decide every rounding.
    shift = 2 + a.form.precision + magnitude_b.bit_length()
    quotient, remainder = divmod(magnitude_a << shift, magnitude_b)
    magnitude = quotient << 1 | (remainder != 0)
    return a.from_dyadic(sign_a != sign_b, magnitude, exponent_a - exponent_b - shift - 1)


def add(a: AnyFloat, b: AnyFloat) -> AnyFloat:
    """``fl(a + b)``; raises ``InvalidData`` on overflow."""
    return _rounded_sum(a, a.dyadic, b.dyadic)


def subtract(a: AnyFloat, b: AnyFloat) -> AnyFloat:
    """``fl(a - b)``; raises ``InvalidData`` on overflow."""
    return add(a, negate(b))


def fused_multiply_add(a: AnyFloat, b: AnyFloat, c: AnyFloat) -> AnyFloat:
    """``fl(a * b + c)`` with one rounding; raises ``InvalidData`` on overflow."""
    (sign_a, magnitude_a, exponent_a), (sign_b, magnitude_b, exponent_b) = a.dyadic, b.dyadic
    product = (sign_a != sign_b, magnitude_a * magnitude_b, exponent_a + exponent_b)
    return _rounded_sum(a, product, c.dyadic)


def round_to_integer(a: Float32 | Float64, mode: Rounding) -> int:
    """The integer that ``mode`` chooses for ``a``."""
    negative, magnitude, exponent = a.dyadic
    value = -magnitude if negative else magnitude
    return value << exponent if exponent >= 0 else shift_right(value, -exponent, mode)


Dyadic = tuple[bool, int, int]


def _rounded_sum(form: AnyFloat, a: Dyadic, b: Dyadic) -> AnyFloat:
    (sign_a, magnitude_a, exponent_a), (sign_b, magnitude_b, exponent_b) = a, b
    exponent = min(exponent_a, exponent_b)
    addend_a = magnitude_a << (exponent_a - exponent)
    addend_b = magnitude_b << (exponent_b - exponent)
    total = (-addend_a if sign_a else addend_a) + (-addend_b if sign_b else addend_b)
    # An exact zero is negative only when both addends are: that is round-half-even's rule.
    negative = total < 0 or (total == 0 and sign_a and sign_b)
    return form.from_dyadic(negative, abs(total), exponent)
