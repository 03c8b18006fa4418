# SPDX-License-Identifier: Apache-2.0
"""A table of samples with an index, an interpolation and one rounding, as hardware has it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.rounding import Rounding, shift_right, shift_right_array

Int64Array = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampledTable:
    """``y`` of a code ``x``, from entries of ``fraction_bits`` fraction bits.

    Where ``linear``, with ``i = min(max((x - first) >> step_bits, 0), len(entries) - 2)`` and
    ``d = x - first - (i << step_bits)``, which ``held`` clamps to ``0..2**step_bits``:

        v = (entries[i] << step_bits) + (entries[i + 1] - entries[i]) * d
        y = round(v / 2**(step_bits + fraction_bits)) + zero_point

    Else ``y = round(entries[i] / 2**fraction_bits) + zero_point`` with
    ``i = min(max((x - first) >> step_bits, 0), len(entries) - 1)``.

    Attributes:
        entries: the samples.
        first: the code of the first.
        step_bits: they are ``2**step_bits`` codes apart.
        linear: whether the line between two of them is followed.
        held: whether codes beyond the entries have the value of the last; else of the line
            through the last two.
        fraction_bits: of the entries.
        rounding: of the result.
        zero_point: the result's.
    """

    entries: tuple[int, ...]
    first: int
    step_bits: int
    linear: bool
    held: bool
    fraction_bits: int
    rounding: Rounding
    zero_point: int

    def apply(self, x: int) -> int:
        """The value at one code; it isn't clamped to the result's codes."""
        last = len(self.entries) - (2 if self.linear else 1)
        i = min(max((x - self.first) >> self.step_bits, 0), last)
        if not self.linear:
            value = shift_right(self.entries[i], self.fraction_bits, self.rounding)
            return value + self.zero_point
        d = x - self.first - (i << self.step_bits)
        if self.held:
            d = min(max(d, 0), 1 << self.step_bits)
        v = (self.entries[i] << self.step_bits) + (self.entries[i + 1] - self.entries[i]) * d
        return shift_right(v, self.step_bits + self.fraction_bits, self.rounding) + self.zero_point

    def codes(self, x: Int64Array) -> Int64Array:
        """The twin of ``apply`` for a row of codes within 17 bits and entries within 32."""
        entries: NDArray[Any] = np.array(self.entries, dtype=np.int64)
        last = len(self.entries) - (2 if self.linear else 1)
        i = np.clip((x - self.first) >> self.step_bits, 0, last)
        if not self.linear:
            return (
                shift_right_array(entries[i], self.fraction_bits, self.rounding) + self.zero_point
            )
        d = x - self.first - (i << self.step_bits)
        if self.held:
            d = np.clip(d, 0, 1 << self.step_bits)
        v = (entries[i] << self.step_bits) + (entries[i + 1] - entries[i]) * d
        bits = self.step_bits + self.fraction_bits
        return shift_right_array(v, bits, self.rounding) + self.zero_point
