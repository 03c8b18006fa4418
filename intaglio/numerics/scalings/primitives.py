# SPDX-License-Identifier: Apache-2.0
"""The fixed-point primitives that gemmlowp, NEON and their descendants share.

Source: gemmlowp ``fixedpoint/fixedpoint.h``; the NEON instructions SQRDMULH and SRSHL.
"""

from intaglio.numerics.integers import INT32
from intaglio.numerics.rounding import Rounding, shift_right


def saturating_rounding_doubling_high_multiply(a: int, b: int) -> int:
    """SRDHM: ``(a*b + 2**30) >> 31`` for int32 ``a`` and ``b``; saturated at ``MIN * MIN``.

    Halves go toward plus infinity.  NEON's SQRDMULH computes the same.
    """
    return min((a * b + (1 << 30)) >> 31, INT32.maximum)


def rounding_shift_away(x: int, shift: int) -> int:
    """``round(x / 2**shift)``, halves away from zero: gemmlowp's RoundingDivideByPOT."""
    return shift_right(x, shift, Rounding.HALF_AWAY_FROM_ZERO)


def rounding_shift_up(x: int, shift: int) -> int:
    """``round(x / 2**shift)``, halves toward plus infinity: NEON's SRSHL by a negative amount."""
    return shift_right(x, shift, Rounding.HALF_TOWARD_POSITIVE)


def saturating_shift_left(x: int, exponent: int) -> int:
    """``x * 2**exponent``, saturated to int32: gemmlowp's SaturatingRoundingMultiplyByPOT."""
    threshold = (1 << (31 - exponent)) - 1
    if x > threshold:
        return INT32.maximum
    if x < -threshold:
        return INT32.minimum
    return x << exponent


def sign_of(multiplier: int) -> int:
    """The direction of a product by ``multiplier``: -1 non-increasing, +1 non-decreasing."""
    return -1 if multiplier < 0 else 1
