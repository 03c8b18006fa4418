# SPDX-License-Identifier: Apache-2.0
"""IEEE-754 binary64 constants, held as bit patterns; finite values only."""

import struct
from dataclasses import dataclass
from typing import ClassVar

from intaglio.errors import InvalidData
from intaglio.numerics.binary_format import BinaryFloat, BinaryFormat

BINARY64 = BinaryFormat("float64", precision=53, word=64)


@dataclass(frozen=True, slots=True)
class Float64(BinaryFloat):
    """A finite IEEE-754 binary64 number, held by its bit pattern."""

    form: ClassVar[BinaryFormat] = BINARY64

    @classmethod
    def from_value(cls, value: float) -> "Float64":
        """Take the bits of a Python float.

        Raises:
            InvalidData: the value is NaN or infinite.
        """
        bits = int.from_bytes(struct.pack("<d", value), "little")
        if bits & BINARY64.infinity == BINARY64.infinity:
            raise InvalidData("float64 constant", str(value), "a finite value", "give a number")
        return cls(bits)

    @property
    def value(self) -> float:
        """The same number as a Python float; exact."""
        number: float = struct.unpack("<d", self.bits.to_bytes(8, "little"))[0]
        return number

    def __str__(self) -> str:
        """The shortest decimal that ``parse`` reads back to the same bits."""
        return repr(self.value)
