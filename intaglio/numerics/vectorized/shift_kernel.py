# SPDX-License-Identifier: Apache-2.0
"""All scalings of the form ``(x * multiplier + addend) / 2**shift``, rounded.

Every rounding mode is a floor after an addition: ``(v + up + (v < 0 ? down : 0)) >> shift``, where
``HALF_EVEN`` adds one more when the floor is odd.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Shift,
    TosaScale,
)
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread

ShiftScaling = (
    MultiplyShift | MultiplyAddShift | Shift | Int16Multiply | TosaScale | RationalMultiply
)


@dataclass(frozen=True, slots=True)
class ShiftParameters:
    """One channel: ``(v + up + (v < 0 ? down : 0) + (even ? odd floor : 0)) >> shift``."""

    multiplier: int
    addend: int
    shift: int
    up: int
    down: int
    even: bool

    @property
    def limit(self) -> int:
        """The largest ``|x|`` for which nothing leaves int64."""
        room = INT64_MAX - abs(self.addend) - abs(self.up) - abs(self.down) - 1
        if room < 0 or self.shift > 62 or abs(self.multiplier) > INT64_MAX:
            return -1
        return room // max(abs(self.multiplier), 1)


def shift_parameters(scaling: ShiftScaling) -> ShiftParameters:
    """What one scaling multiplies by, adds and shifts by; a rational's denominator is ``2**n``."""
    match scaling:
        case MultiplyShift(multiplier, shift, rounding):
            return _parameters(multiplier, 0, shift, rounding)
        case MultiplyAddShift(multiplier, addend, shift, rounding):
            return _parameters(multiplier, addend, shift, rounding)
        case Shift(shift, rounding):
            return _parameters(1 << max(-shift, 0), 0, max(shift, 0), rounding)
        case Int16Multiply():
            return _parameters(
                scaling.reduced_multiplier, 0, scaling.total_shift, Rounding.HALF_TOWARD_POSITIVE
            )
        case TosaScale(multiplier, shift, double_round):
            half = 1 << (shift - 1)
            if double_round and shift > 31:
                return ShiftParameters(multiplier, 0, shift, half + (1 << 30), -(1 << 31), False)
            return ShiftParameters(multiplier, 0, shift, half, 0, False)
        case RationalMultiply(numerator, denominator, rounding):
            return _parameters(numerator, 0, denominator.bit_length() - 1, rounding)
        case _:
            assert_never(scaling)


def _parameters(multiplier: int, addend: int, shift: int, mode: Rounding) -> ShiftParameters:
    up, down = _additions(shift, mode) if shift else (0, 0)
    even = mode is Rounding.HALF_EVEN and shift > 0
    return ShiftParameters(multiplier, addend, shift, up, down, even)


def _additions(shift: int, mode: Rounding) -> tuple[int, int]:
    """What is added before the floor; and what more where the value is negative."""
    ones, half = (1 << shift) - 1, 1 << (shift - 1)
    match mode:
        case Rounding.FLOOR:
            return 0, 0
        case Rounding.CEIL:
            return ones, 0
        case Rounding.TOWARD_ZERO:
            return 0, ones
        case Rounding.AWAY_FROM_ZERO:
            return ones, -ones
        case Rounding.HALF_TOWARD_POSITIVE:
            return half, 0
        case Rounding.HALF_TOWARD_NEGATIVE | Rounding.HALF_EVEN:
            return half - 1, 0
        case Rounding.HALF_AWAY_FROM_ZERO:
            return half, -1
        case Rounding.HALF_TOWARD_ZERO:
            return half - 1, 1
        case _:
            assert_never(mode)


class ShiftKernel:
    """Multiply, add, wrap, round by a shift; in int64."""

    def __init__(self, scalings: Sequence[ShiftScaling], sum_type: IntType | None) -> None:
        """Lay out the parameters; every sum wraps to ``sum_type``."""
        channels = [shift_parameters(scaling) for scaling in scalings]
        self._sum_type = sum_type
        self._limit = min(channel.limit for channel in channels)
        if sum_type is not None and sum_type.maximum > INT64_MAX:
            self._limit = -1
        if self._limit < 0:
            return
        self._multiplier = spread([c.multiplier for c in channels], np.int64)
        self._addend = _spread_unless_zero([c.addend for c in channels])
        self._shift = spread([c.shift for c in channels], np.int64)
        self._up = _spread_unless_zero([c.up for c in channels])
        self._down = _spread_unless_zero([c.down for c in channels])
        self._even = _spread_unless_zero([int(c.even) for c in channels])

    @property
    def limit(self) -> int:
        """Where no product, sum or added half leaves int64."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        total = work.array(np.int64, 0, x.size)
        np.multiply(x, part(self._multiplier, x.size), out=total)
        if self._addend is not None:
            np.add(total, part(self._addend, x.size), out=total)
        if self._sum_type is not None:
            total[...] = self._sum_type.wrap_array(total)
        self._add_before_floor(total, work)
        np.right_shift(total, part(self._shift, x.size), out=total)
        return total

    def _add_before_floor(self, total: NDArray[np.int64], work: Workspace) -> None:
        size = total.size
        odd, more = work.array(np.int64, 1, size), work.array(np.int64, 3, size)
        if self._even is not None:
            np.right_shift(total, part(self._shift, size), out=odd)
            np.bitwise_and(odd, part(self._even, size), out=odd)
        if self._down is not None:
            np.right_shift(total, 63, out=more)
            np.bitwise_and(more, part(self._down, size), out=more)
            np.add(total, more, out=total)
        if self._up is not None:
            np.add(total, part(self._up, size), out=total)
        if self._even is not None:
            np.add(total, odd, out=total)


def _spread_unless_zero(values: Sequence[int]) -> NDArray[np.int64] | None:
    return spread(values, np.int64) if any(values) else None
