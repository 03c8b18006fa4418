# SPDX-License-Identifier: Apache-2.0
"""The fixed-point logarithm of TFLite's LOG_SOFTMAX, on exact Python ints.

Numbers in Qm.n and products are those of ``fixed_point_exp``.
Source: TFLite ``log_x_for_x_greater_than_or_equal_to_1``; TFLite Micro has the same.
"""

from intaglio.errors import InvalidOption
from intaglio.numerics.fixed_point_exp import reciprocal_of_one_plus
from intaglio.numerics.integers import INT32
from intaglio.numerics.scalings import rounding_shift_away, saturating_shift_left
from intaglio.numerics.scalings import saturating_rounding_doubling_high_multiply as product

ONE = 1 << 19
"""1 in Q12.19."""
LOG_OF_TWO = 1488522236
ROOT_OF_HALF = 1518500250
FOURTH_ROOT_OF_HALF = 1805811301
NUMERATOR = 117049297
"""11/240 times the fourth root of 2."""
DENOMINATOR = (1057819769, 127690142, 638450708)
"""With w, the fourth root of 2: 2 / w - w; w / 20; w / 4."""
QUARTER = 1 << 23
"""1/4 in Q6.25."""


def logarithm(x: int) -> int:
    """log(x) in Q5.26 for x of 1 or more in Q12.19.

    x is a power of two times r, between 0.7 and 1, with the power in quarters.  The logarithm of r
    is a rational function around the fourth root of 1/2.

    >>> round(logarithm(3 << 19) / 2**26, 6)
    1.098612

    Raises:
        InvalidOption: x is below 1, or no int32.
    """
    if not ONE <= x <= INT32.maximum:
        raise InvalidOption("fixed-point logarithm of", x, "is not within 2**19..2**31-1", "add 1")
    bits, bits_of_root = x.bit_length(), product(x, ROOT_OF_HALF).bit_length()
    first = saturating_shift_left(product(x << (31 - bits), ROOT_OF_HALF), 1)
    second = saturating_shift_left(x, 31 - bits_of_root)
    power = max(upper_power(bits), lower_power(bits_of_root))
    r = min(first, second)
    middle = rounding_shift_away(r + FOURTH_ROOT_OF_HALF, 1)
    q = 2 * (r - FOURTH_ROOT_OF_HALF)
    square = product(q, q)
    numerator = product(q, r) + product(product(q, square), NUMERATOR)
    constant, of_square, of_q = DENOMINATOR
    factor = constant + q + product(of_square, square)
    denominator = product(middle, factor) + product(of_q, q)
    inverse = reciprocal_of_one_plus(denominator)
    rest = product(rounding_shift_away(numerator, 6), inverse)
    return saturating_shift_left(product(power, LOG_OF_TWO) + rest, 1)


def upper_power(bits: int) -> int:
    """The power of two, in Q6.25, that belongs to the first candidate of r: a quarter more."""
    return (bits - 20) * 4 * QUARTER + QUARTER


def lower_power(bits_of_root: int) -> int:
    """That of the second, by the bits of x / sqrt(2): a quarter less."""
    return (bits_of_root - 19) * 4 * QUARTER - QUARTER
