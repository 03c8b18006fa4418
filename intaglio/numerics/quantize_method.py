# SPDX-License-Identifier: Apache-2.0
"""How a float32 is brought to the scale of the codes before it is rounded."""

from enum import Enum


class QuantizeMethod(Enum):
    """fl32(x / scale), or fl32(x * fl32(1 / scale)); they differ in the last bit."""

    DIVIDE = "divide"
    MULTIPLY_BY_RECIPROCAL = "multiply-by-reciprocal"
