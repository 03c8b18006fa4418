# SPDX-License-Identifier: Apache-2.0
"""Integer types of 1 to 64 bits, and the two ways to make a value fit: wrap and saturate."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics.intervals import Interval

IntegerArray = NDArray[Any]
"""A NumPy array of any integer type, or of Python ints (``dtype=object``)."""

_TEXT = re.compile(r"([iu])([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class IntType:
    """Two's complement (``i8``) or unsigned (``u3``) integers of 1 to 64 bits.

    Raises:
        InvalidOption: ``bits`` isn't within 1..64.
    """

    bits: int
    signed: bool

    def __post_init__(self) -> None:
        """Refuse widths that no machine word holds."""
        if not 1 <= self.bits <= 64:
            raise InvalidOption(
                "integer width", self.bits, "is not within 1..64", "choose 1 to 64 bits"
            )

    @staticmethod
    def parse(text: str) -> "IntType":
        """Read the form that ``str`` writes.

        >>> IntType.parse("u3")
        IntType(bits=3, signed=False)

        Raises:
            InvalidOption: ``text`` isn't ``i`` or ``u`` followed by 1..64.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise InvalidOption(
                "integer type", text, "is not a type", "write i or u and a width, such as i8 or u3"
            )
        return IntType(int(match[2]), match[1] == "i")

    def __str__(self) -> str:
        """Write ``i8``, ``u3`` and so on."""
        return f"{'i' if self.signed else 'u'}{self.bits}"

    @property
    def minimum(self) -> int:
        """The lowest value: ``-2**(bits-1)``, or 0 when unsigned."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The highest value: ``2**(bits-1) - 1``, or ``2**bits - 1`` when unsigned."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def interval(self) -> Interval:
        """All values, ``[minimum, maximum]``."""
        return Interval(self.minimum, self.maximum)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest NumPy type that holds every value."""
        word = max(8, 1 << (self.bits - 1).bit_length())
        return np.dtype(f"{'int' if self.signed else 'uint'}{word}")

    def contains(self, value: int) -> bool:
        """Whether ``value`` is one of this type's values."""
        return self.minimum <= value <= self.maximum

    def wrap(self, value: int) -> int:
        """Keep the low bits: the value of this type that equals ``value`` modulo ``2**bits``.

        >>> IntType(8, signed=True).wrap(130)
        -126
        """
        return ((value - self.minimum) & ((1 << self.bits) - 1)) + self.minimum

    def saturate(self, value: int) -> int:
        """Go to the nearest value of this type.

        >>> IntType(8, signed=True).saturate(130)
        127
        """
        return min(max(value, self.minimum), self.maximum)

    def wrap_array(self, values: IntegerArray) -> IntegerArray:
        """Wrap every element of an integer array of any shape; the result has type ``dtype``."""
        _require_integers(values)
        if values.dtype == object:
            return self._map_objects(self.wrap, values)
        if self.bits == 8 * self.dtype.itemsize:
            return values.astype(self.dtype)
        spare = 64 - self.bits
        word = values.astype(np.int64 if self.signed else np.uint64)
        return ((word << spare) >> spare).astype(self.dtype)

    def saturate_array(self, values: IntegerArray) -> IntegerArray:
        """Saturate every element of an integer array of any shape; the result has type ``dtype``.

        The bounds are first cut to what the array's own type can hold, so that no comparison mixes
        signed and unsigned words.
        """
        _require_integers(values)
        if values.dtype == object:
            return self._map_objects(self.saturate, values)
        held = np.iinfo(values.dtype)
        low, high = max(self.minimum, int(held.min)), min(self.maximum, int(held.max))
        return np.clip(values, low, high).astype(self.dtype)

    def _map_objects(self, function: Any, values: IntegerArray) -> IntegerArray:
        flat = [function(int(value)) for value in values.ravel()]
        return np.array(flat, dtype=self.dtype).reshape(values.shape)


def _require_integers(values: IntegerArray) -> None:
    if values.dtype != object and not np.issubdtype(values.dtype, np.integer):
        raise InvalidData(
            "integer conversion",
            f"an array of {values.dtype}",
            "an array of integers",
            "round it with a stated rounding mode first",
        )


INT32 = IntType(32, signed=True)
"""The accumulators and the fixed-point words of most machines."""
