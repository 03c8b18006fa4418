# SPDX-License-Identifier: Apache-2.0
"""How a float32 is brought to the scale of the codes before it is rounded."""

from enum import Enum
from typing import assert_never

from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32


class QuantizeMethod(Enum):
    """fl32(x / scale), or fl32(x * fl32(1 / scale)); they differ in the last bit."""

    DIVIDE = "divide"
    MULTIPLY_BY_RECIPROCAL = "multiply-by-reciprocal"


def in_units_of(scale: Float32, x: Float32, method: QuantizeMethod) -> Float32:
    """``x`` in the scale of the codes, not rounded yet.

    Raises:
        InvalidData: float32 can't hold the result, or the reciprocal.
    """
    match method:
        case QuantizeMethod.DIVIDE:
            return float32.divide(x, scale)
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            return float32.multiply(x, reciprocal(scale))
        case _:
            assert_never(method)


def reciprocal(scale: Float32) -> Float32:
    """``fl32(1 / scale)``; raises ``InvalidData`` where float32 can't hold it."""
    return float32.divide(Float32.from_integer(1), scale)
