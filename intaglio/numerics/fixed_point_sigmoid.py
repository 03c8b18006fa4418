# SPDX-License-Identifier: Apache-2.0
"""The fixed-point sigmoid and tanh of 16-bit words, on exact Python ints.

A number in Qm.n stands for ``raw / 2**n`` with m + n = 15; products are the 16-bit saturating
rounding doubling high multiply.  Constants are those of ``fixed_point_exp`` rounded to 16 bits.
Source: gemmlowp ``fixedpoint/fixedpoint.h``; TFLite's optimized LOGISTIC and TANH of int16, and
its integer LSTM, whose cell may have up to 6 integer bits.
"""

from intaglio.numerics.fixed_point_exp import EXP_OF_MINUS_EIGHTH, EXP_OF_MINUS_POWERS, THIRD
from intaglio.numerics.integers import IntType
from intaglio.numerics.scalings import rounding_shift_away

_WORD = IntType(16, signed=True)
_FORTY_EIGHT_SEVENTEENTHS = 23130
_MINUS_THIRTY_TWO_SEVENTEENTHS = -15420
_ONE_IN_Q2 = 1 << 13


def fixed_point_sigmoid(a: int, integer_bits: int = 3) -> int:
    """Sigmoid in Q0.15 of a in Q(integer_bits), 0 to 6.

    >>> fixed_point_sigmoid(0), fixed_point_sigmoid(4096) + fixed_point_sigmoid(-4096)
    (16384, 32767)
    """
    if a == 0:
        return 1 << 14
    positive = _shift_left(_inverse_of_one_plus(_exp_of_negative(-abs(a), integer_bits)), 1)
    return positive if a > 0 else _WORD.maximum - positive


def fixed_point_tanh(a: int, integer_bits: int = 3) -> int:
    """Tanh in Q0.15 of a in Q(integer_bits), 0 to 6.

    >>> fixed_point_tanh(0), fixed_point_tanh(4096), fixed_point_tanh(-4096)
    (0, 24964, -24964)
    """
    if a == 0:
        return 0
    # (1 - x) / (1 + x) = 2 / (1 + x) - 1 for x = exp(-2 |a|).
    twice = _inverse_of_one_plus(_exp_of_negative(-abs(a), integer_bits + 1))
    magnitude = _shift_left(_WORD.wrap(twice - _ONE_IN_Q2), 2)
    return magnitude if a > 0 else -magnitude


def _exp_of_negative(a: int, integer_bits: int) -> int:
    """exp(a) in Q0.15 for a < 0 in Q(integer_bits)."""
    fraction_bits = 15 - integer_bits
    if a < -(32 << fraction_bits):
        return 0
    quarter = 1 << (fraction_bits - 2)
    rest = a % quarter - quarter
    result = _exp_between_minus_quarter_and_zero(_shift_left(rest, integer_bits))
    multiple = rest - a
    for power, factor in EXP_OF_MINUS_POWERS:
        if integer_bits > power and multiple >> (fraction_bits + power) & 1:
            result = _product(result, rounding_shift_away(factor, 16))
    return result


def _exp_between_minus_quarter_and_zero(a: int) -> int:
    middle, third = (rounding_shift_away(c, 16) for c in (EXP_OF_MINUS_EIGHTH, THIRD))
    x = a + (1 << 12)
    square = _product(x, x)
    cube, fourth = _product(square, x), _product(square, square)
    higher = _product(rounding_shift_away(fourth, 2) + cube, third) + square
    return _WORD.saturate(middle + _product(middle, x + rounding_shift_away(higher, 1)))


def _inverse_of_one_plus(a: int) -> int:
    """2 / (1 + a) in Q2.13 for a in [0, 1] in Q0.15: three steps of Newton's iteration."""
    half = (a + _WORD.maximum + 1) // 2
    estimate = _FORTY_EIGHT_SEVENTEENTHS + _product(half, _MINUS_THIRTY_TWO_SEVENTEENTHS)
    for _ in range(3):
        error = _ONE_IN_Q2 - _product(half, estimate)
        estimate = _WORD.wrap(estimate + _shift_left(_product(estimate, error), 2))
    return estimate


def _product(a: int, b: int) -> int:
    return min((a * b + (1 << 14)) >> 15, _WORD.maximum)


def _shift_left(x: int, bits: int) -> int:
    return _WORD.saturate(x << bits)
