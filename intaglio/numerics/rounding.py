# SPDX-License-Identifier: Apache-2.0
"""The nine rounding modes, named by what they do on the number line.

``divide`` is the definition, on exact Python ints; everything else here is proved equal to it by
test.  The array twins compose quotient and remainder, so that no added half can overflow.
"""

from enum import Enum
from fractions import Fraction
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidOption

Int64Array = NDArray[np.int64]


class Rounding(Enum):
    """Which integer stands for a real number that lies between two; values are the text form."""

    FLOOR = "floor"
    CEIL = "ceil"
    TOWARD_ZERO = "toward-zero"
    AWAY_FROM_ZERO = "away-from-zero"
    HALF_TOWARD_POSITIVE = "half-toward-positive"
    HALF_TOWARD_NEGATIVE = "half-toward-negative"
    HALF_EVEN = "half-even"
    HALF_AWAY_FROM_ZERO = "half-away-from-zero"
    HALF_TOWARD_ZERO = "half-toward-zero"

    @property
    def to_nearest(self) -> bool:
        """Whether only ties are decided by the mode."""
        return self.value.startswith("half")


def divide(numerator: int, denominator: int, mode: Rounding) -> int:
    """Round the exact quotient ``numerator / denominator`` to an integer.

    >>> divide(-5, 2, Rounding.HALF_AWAY_FROM_ZERO), divide(-5, 2, Rounding.HALF_TOWARD_POSITIVE)
    (-3, -2)

    Raises:
        InvalidOption: the denominator is zero.
    """
    if denominator == 0:
        raise InvalidOption("denominator", 0, "has no quotient", "give another denominator")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    floor, remainder = divmod(numerator, denominator)
    return floor + _goes_up(floor, remainder, denominator, numerator < 0, mode)


def _goes_up(floor: int, remainder: int, denominator: int, negative: bool, mode: Rounding) -> bool:
    """Whether ``floor + remainder / denominator`` becomes ``floor + 1``."""
    if remainder == 0:
        return False
    if mode.to_nearest and 2 * remainder != denominator:
        return 2 * remainder > denominator
    match mode:
        case Rounding.FLOOR | Rounding.HALF_TOWARD_NEGATIVE:
            return False
        case Rounding.CEIL | Rounding.HALF_TOWARD_POSITIVE:
            return True
        case Rounding.TOWARD_ZERO | Rounding.HALF_TOWARD_ZERO:
            return negative
        case Rounding.AWAY_FROM_ZERO | Rounding.HALF_AWAY_FROM_ZERO:
            return not negative
        case Rounding.HALF_EVEN:
            return floor % 2 == 1
        case _:
            assert_never(mode)


def round_fraction(value: Fraction, mode: Rounding) -> int:
    """Round an exact rational to an integer."""
    return divide(value.numerator, value.denominator, mode)


def shift_right(value: int, shift: int, mode: Rounding) -> int:
    """Round ``value / 2**shift`` to an integer; ``shift`` may be 0.

    Raises:
        InvalidOption: the shift is negative.
    """
    if shift < 0:
        raise InvalidOption("right shift", shift, "is negative", "give 0 or more")
    return divide(value, 1 << shift, mode)


def divide_array(numerators: Int64Array, divisor: int | Int64Array, mode: Rounding) -> Int64Array:
    """The twin of ``divide`` for int64 arrays of any shape and a divisor that broadcasts to it.

    Raises:
        InvalidOption: a divisor isn't positive.
    """
    divisors = np.asarray(divisor, dtype=np.int64)
    if (divisors < 1).any():
        raise InvalidOption(
            "divisor", int(divisors.min()), "is not positive", "negate the numerators instead"
        )
    floor = np.floor_divide(numerators, divisors)
    remainder = numerators - floor * divisors
    # remainder against divisor - remainder says on which side of the half we are: nothing doubles.
    side = np.sign(remainder - (divisors - remainder))
    return floor + _goes_up_array(floor, remainder != 0, side, numerators < 0, mode)


def shift_right_array(values: Int64Array, shift: int | Int64Array, mode: Rounding) -> Int64Array:
    """The twin of ``shift_right`` for int64 arrays and a shift of 0..63 that broadcasts.

    Raises:
        InvalidOption: a shift isn't within 0..63.
    """
    shifts = np.asarray(shift, dtype=np.int64)
    if ((shifts < 0) | (shifts > 63)).any():
        outside = int(shifts.min()) if (shifts < 0).any() else int(shifts.max())
        raise InvalidOption(
            "right shift", outside, "is not within 0..63", "shift exact Python ints instead"
        )
    floor = values >> shifts
    # The discarded bits are compared at the top of a word, where shift 63 needs no more room.
    discarded = np.where(
        shifts == 0, 0, values.astype(np.uint64) << ((64 - shifts) & 63).view(np.uint64)
    )
    half = np.uint64(1 << 63)
    side = np.where(discarded > half, 1, np.where(discarded < half, -1, 0))
    return floor + _goes_up_array(floor, discarded != 0, side, values < 0, mode)


def _goes_up_array(
    floor: Int64Array,
    inexact: NDArray[np.bool_],
    side: NDArray[np.int64],
    negative: NDArray[np.bool_],
    mode: Rounding,
) -> NDArray[np.bool_]:
    """The twin of ``_goes_up``; ``side`` is the sign of the discarded part minus one half."""
    odd = (floor & 1).astype(np.bool_)
    above: NDArray[np.bool_] = inexact & (side > 0)
    tie: NDArray[np.bool_] = inexact & (side == 0)
    match mode:
        case Rounding.FLOOR:
            return np.zeros_like(inexact)
        case Rounding.CEIL:
            return inexact
        case Rounding.TOWARD_ZERO:
            return np.logical_and(inexact, negative)
        case Rounding.AWAY_FROM_ZERO:
            return np.logical_and(inexact, ~negative)
        case Rounding.HALF_TOWARD_POSITIVE:
            return np.logical_or(above, tie)
        case Rounding.HALF_TOWARD_NEGATIVE:
            return above
        case Rounding.HALF_EVEN:
            return np.logical_or(above, tie & odd)
        case Rounding.HALF_AWAY_FROM_ZERO:
            return np.logical_or(above, tie & ~negative)
        case Rounding.HALF_TOWARD_ZERO:
            return np.logical_or(above, tie & negative)
        case _:
            assert_never(mode)
