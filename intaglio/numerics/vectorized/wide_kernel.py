# SPDX-License-Identifier: Apache-2.0
"""Multiply and shift with products of up to 94 bits, in two words.

``x * multiplier = high * 2**32 + low`` with ``0 <= low < 2**32`` and ``high`` an int64.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread
from intaglio.numerics.vectorized.shift_kernel import ShiftScaling, shift_parameters

WORD = 32
MASK = (1 << WORD) - 1
Words = tuple[NDArray[np.int64], NDArray[np.int64]]


class WideShiftKernel:
    """The two-word form of ``ShiftKernel``, for sums that don't wrap."""

    def __init__(self, scalings: Sequence[ShiftScaling]) -> None:
        """Lay out the parameters."""
        channels = [shift_parameters(scaling) for scaling in scalings]
        self._limit = INT64_MAX
        for channel in channels:
            constants = abs(channel.addend) + abs(channel.up) + abs(channel.down)
            if channel.shift > 62 or abs(channel.multiplier) >> 31 or constants >> 62:
                self._limit = -1
                return
            # Shifts below a word leave a result that may exceed int64.
            room = (1 << 61 << channel.shift) // max(abs(channel.multiplier), 1)
            self._limit = min(self._limit, room)
        self._multiplier = spread([c.multiplier for c in channels], np.int64)
        self._added = _split([c.addend + c.up for c in channels])
        self._addend = _split([c.addend for c in channels])
        self._down = _split([c.down for c in channels])
        self._even = spread([int(c.even) for c in channels], np.int64)
        self._shift = spread([c.shift for c in channels], np.int64)
        self._left = spread([max(WORD - c.shift, 0) for c in channels], np.int64)
        self._right = spread([max(c.shift - WORD, 0) for c in channels], np.int64)

    @property
    def limit(self) -> int:
        """Where two words hold the product and one holds the result."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        wide = x.astype(np.int64)
        multiplier = part(self._multiplier, x.size)
        low = (wide & MASK) * multiplier
        words = ((wide >> WORD) * multiplier + (low >> WORD), low & MASK)
        total = self._plus(words, self._addend)
        negative = -(total[0] < 0).astype(np.int64)
        odd = self._shifted(total) & part(self._even, x.size)
        high, low = self._plus(words, self._added)
        high += negative & part(self._down[0], x.size)
        low += (negative & part(self._down[1], x.size)) + odd
        high += low >> WORD
        return self._shifted((high, low & MASK))

    def _plus(self, words: Words, constant: Words) -> Words:
        high, low = words
        total = low + part(constant[1], low.size)
        return high + part(constant[0], low.size) + (total >> WORD), total & MASK

    def _shifted(self, words: Words) -> NDArray[np.int64]:
        high, low = words
        top = (high << part(self._left, low.size)) >> part(self._right, low.size)
        shifted: NDArray[np.int64] = top + (low >> part(self._shift, low.size))
        return shifted


def _split(values: Sequence[int]) -> Words:
    return (
        spread([value >> WORD for value in values], np.int64),
        spread([value & MASK for value in values], np.int64),
    )
