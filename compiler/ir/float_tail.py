# SPDX-License-Identifier: Apache-2.0
"""The only float ops besides the borders: a short tail before a graph output, at both levels.

Each is one IEEE-754 binary32 operation an element, or the correctly rounded value of a real
function, so that even the tail has exactly one result.
"""

from dataclasses import dataclass
from enum import Enum


class BinaryFunction(Enum):
    """An elementwise function of two operands."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


@dataclass(frozen=True, slots=True)
class Float32Binary:
    """y = fl32(x1 ∘ x2) with NumPy broadcasting; one rounding, half to even."""

    function: BinaryFunction


@dataclass(frozen=True, slots=True)
class Float32Softmax:
    """y = fl32(exp(x) / Σ exp(x)) along ``axis``: the real value, correctly rounded."""

    axis: int


FloatTail = Float32Binary | Float32Softmax
