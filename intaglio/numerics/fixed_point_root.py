# SPDX-License-Identifier: Apache-2.0
"""The fixed-point inverse square root of TFLite's RSQRT and L2_NORMALIZATION, on exact Python ints.

Numbers in Qm.n and products are those of ``fixed_point_exp``.
Source: TFLite ``GetInvSqrtQuantizedMultiplierExp``; TFLite Micro has the same.
"""

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import INT32
from intaglio.numerics.scalings import rounding_shift_away, saturating_shift_left
from intaglio.numerics.scalings import saturating_rounding_doubling_high_multiply as product

ONE = 1 << 28
"""1 in Q3.28."""
HALF_ROOT_OF_TWO = 1518500250
"""sqrt(2) / 2 in Q0.31."""
STEPS = 5
"""Of Newton's iteration."""


def inverse_square_root(x: int) -> tuple[int, int]:
    """1 / sqrt(x) as ``(Q, s)``: about ``Q * 2**(s - 31)``.

    x is scaled by a power of 4 to Q3.28 between 1/2 and 2; five steps of Newton's iteration start
    at 1.  0 counts as 1.

    >>> multiplier, shift = inverse_square_root(9)
    >>> round(multiplier * 2.0 ** (shift - 31), 6)
    0.333333

    Raises:
        InvalidOption: ``x`` is negative or no int32.
    """
    if not 0 <= x <= INT32.maximum:
        raise InvalidOption("radicand", x, "isn't within 0..2**31-1", "square the numbers")
    if x <= 1:
        return INT32.maximum, 0
    right_shift = 11
    while x >= 1 << 29:
        x //= 4
        right_shift += 1
    pairs = (31 - x.bit_length()) // 2 - 1
    root = _newton((x << 2 * pairs) >> 1)
    right_shift -= pairs
    return root << max(-right_shift, 0), -max(right_shift, 0)


def _newton(x: int) -> int:
    """1 / sqrt(2 x) in Q3.28 for x in Q3.28."""
    half = rounding_shift_away(x, 1)
    root = ONE
    for _ in range(STEPS):
        cube = saturating_shift_left(product(product(root, root), root), 6)
        difference = INT32.wrap(product(ONE + ONE // 2, root) - product(half, cube))
        root = saturating_shift_left(difference, 3)
    return product(root, HALF_ROOT_OF_TWO)
