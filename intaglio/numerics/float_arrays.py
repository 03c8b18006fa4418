# SPDX-License-Identifier: Apache-2.0
"""Float32 operations on arrays that NumPy doesn't have."""

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData

Float32Array = NDArray[np.float32]


def fused_multiply_add_array(
    a: Float32Array | np.float32, b: Float32Array | np.float32, c: Float32Array | np.float32
) -> Float32Array:
    """``fl32(a * b + c)`` with one rounding, for float32 values that broadcast.

    The product of two float32 is exact in float64: 48 bits of significand, and exponents well
    within range, subnormals included.  The float64 sum ``s`` with c, and what it lost ``t``, come
    from Knuth's TwoSum; where something was lost and the last bit of ``s`` is even, ``s`` moves one
    place toward the lost part.  That is rounding to odd, after which rounding to float32 is as if
    from the exact sum (Boldo and Melquiond, 2008; 53 bits are at least 24 + 2).

    Conditions: finite operands, no flush-to-zero mode.

    Raises:
        InvalidData: an operand isn't finite, or a result overflows float32.
    """
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    addend = np.asarray(c, np.float64)
    total = np.asarray(product + addend)
    back = total - product
    lost = (product - (total - back)) + (addend - back)
    bits = total.view(np.int64)
    # The next pattern up is the next number away from zero.
    toward = np.where((lost > 0) == (total > 0), 1, -1)
    odd = np.where((lost != 0) & (bits & 1 == 0), bits + toward, bits).view(np.float64)
    with np.errstate(over="ignore"):
        result = odd.astype(np.float32)
    if not np.isfinite(result).all():
        raise InvalidData(
            "float32 arithmetic",
            "an operand or result that is not finite",
            "finite values",
            "use scales and accumulators that keep results finite",
        )
    return result
