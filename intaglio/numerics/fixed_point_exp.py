# SPDX-License-Identifier: Apache-2.0
"""The fixed-point exponential and reciprocal of TFLite's integer softmax, on exact Python ints.

A number in Qm.n stands for ``raw / 2**n`` with m integer bits and a sign; every raw value is an
int32, sums wrap, and products are SRDHM (saturating rounding doubling high multiply).
Source: gemmlowp ``fixedpoint/fixedpoint.h``.
"""

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import INT32
from intaglio.numerics.scalings import rounding_shift_away, saturating_shift_left
from intaglio.numerics.scalings import saturating_rounding_doubling_high_multiply as product

EXP_OF_MINUS_EIGHTH = 1895147668
"""exp(-1/8) in Q0.31."""

THIRD = 715827883
"""1/3 in Q0.31."""

EXP_OF_MINUS_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(k, exp(-2**k) in Q0.31)."""

NEWTON_START = 1515870810
"""48/17 in Q2.29."""

NEWTON_SLOPE = -1010580540
"""-32/17 in Q2.29."""


def exp_of_negative(a: int, integer_bits: int) -> int:
    """exp(a) in Q0.31 for ``a <= 0`` in Q(integer_bits).(31 - integer_bits).

    ``a`` is split into a multiple of 1/4 and a rest in [-1/4, 0); the multiple's exponential is a
    product of constants, a factor for each of its bits.

    >>> exp_of_negative(0, 5) == 2**31 - 1, round(exp_of_negative(-(1 << 26), 5) / 2**31, 5)
    (True, 0.36788)

    Raises:
        InvalidOption: ``a`` is positive or no int32, or ``integer_bits`` isn't within 0..5.
    """
    if not INT32.minimum <= a <= 0:
        raise InvalidOption("fixed-point exponent", a, "is not within -2**31..0", "subtract more")
    if not 0 <= integer_bits <= 5:
        raise InvalidOption(
            "fixed-point integer bits", integer_bits, "are not within 0..5", "use 5"
        )
    if a == 0:
        return INT32.maximum
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = a % quarter - quarter
    result = _exp_between_minus_quarter_and_zero(saturating_shift_left(rest, integer_bits))
    multiple = rest - a
    for power, factor in EXP_OF_MINUS_POWERS:
        if integer_bits > power and multiple >> (fraction_bits + power) & 1:
            result = product(result, factor)
    return result


def _exp_between_minus_quarter_and_zero(a: int) -> int:
    """exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31: a Taylor polynomial around -1/8."""
    x = a + (1 << 28)
    square = product(x, x)
    cube, fourth = product(square, x), product(square, square)
    higher = product(rounding_shift_away(fourth, 2) + cube, THIRD) + square
    series = x + rounding_shift_away(higher, 1)
    return INT32.wrap(EXP_OF_MINUS_EIGHTH + product(EXP_OF_MINUS_EIGHTH, series))


def reciprocal_of_one_plus(a: int) -> int:
    """1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three steps of Newton's iteration.

    >>> round(reciprocal_of_one_plus(1 << 30) / 2**31, 6)
    0.666667

    Raises:
        InvalidOption: ``a`` isn't within 0..2**31 - 1.
    """
    if not 0 <= a <= INT32.maximum:
        raise InvalidOption(
            "fixed-point reciprocal of 1 +", a, "is not within 0..2**31-1", "normalise it"
        )
    half = (a + INT32.maximum + 1) // 2
    estimate = INT32.wrap(NEWTON_START + product(half, NEWTON_SLOPE))
    for _ in range(3):
        error = INT32.wrap((1 << 29) - product(half, estimate))
        estimate = INT32.wrap(estimate + saturating_shift_left(product(estimate, error), 2))
    return saturating_shift_left(estimate, 1)
