# SPDX-License-Identifier: Apache-2.0
"""Float64 bounds of real functions on whole arrays, the twins of ``functions``.

Where both bounds round alike, so does the real number between them; ``functions`` decides the rest.
The C library's and NumPy's functions are off by a few units in the last place (2**-53), and an
argument's own rounding is multiplied by at most 2 * 745 (exp) or 2 * 27**2 (erfc) before the result
leaves float64.  ``_RELATIVE`` is 30 times as much.  What overflows is infinite or NaN, and NumPy
may warn of it.
"""

import math

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

Enclosure = tuple[Float64Array, Float64Array]
"""Below and above the real number, at no point equal to it; not finite where there is no bound."""

_RELATIVE = 2.0**-36

_ABSOLUTE = 2.0**-1000
"""Beyond what float64 loses where it underflows."""


def rational(x: Float64Array) -> Enclosure:
    """``x``."""
    return _around(x, x)


def exponential(x: Float64Array) -> Enclosure:
    """exp(x)."""
    value = np.exp(x)
    return _around(value, value)


def sigmoid(x: Float64Array) -> Enclosure:
    """1 / (1 + exp(-x))."""
    value = 1 / (1 + np.exp(-x))
    return _around(value, value)


def tanh(x: Float64Array) -> Enclosure:
    """The hyperbolic tangent of x."""
    value = np.tanh(x)
    return _around(value, value)


def gelu(x: Float64Array) -> Enclosure:
    """X * erfc(-x / sqrt(2)) / 2."""
    tails = [math.erfc(argument) for argument in (-x / math.sqrt(2)).tolist()]
    value = x * np.array(tails, np.float64) / 2
    return _around(value, value)


def gelu_tanh(x: Float64Array) -> Enclosure:
    """X * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 x³))."""
    value = x / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return _around(value, value)


def elu(x: Float64Array, alpha: float) -> Enclosure:
    """Identity where x >= 0, else alpha * (exp(x) - 1)."""
    value = np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return _around(value, value)


def reciprocal_square_root(x: Float64Array) -> Enclosure:
    """1 / sqrt(x) for x > 0."""
    value = 1 / np.sqrt(x)
    return _around(value, value)


def leaky_relu(x: Float64Array, slope: float) -> Enclosure:
    """Identity where x >= 0, else slope * x."""
    value = np.where(x >= 0, x, slope * x)
    return _around(value, value)


def hard_sigmoid(x: Float64Array, alpha: float, beta: float) -> Enclosure:
    """max(0, min(1, alpha * x + beta))."""
    product = alpha * x
    # The sum may cancel, so its error is relative to what is summed.
    slack = _RELATIVE * (np.abs(product) + abs(beta))
    low, high = (np.clip(product + beta + each, 0, 1) for each in (-slack, slack))
    return _around(low, high)


def hard_swish(x: Float64Array) -> Enclosure:
    """X * max(0, min(1, x / 6 + 1 / 2))."""
    ends = [x * gate for gate in hard_sigmoid(x, 1 / 6, 1 / 2)]
    return _around(np.minimum(*ends), np.maximum(*ends))


def _around(low: Float64Array, high: Float64Array) -> Enclosure:
    return (
        low - (_RELATIVE * np.abs(low) + _ABSOLUTE),
        high + (_RELATIVE * np.abs(high) + _ABSOLUTE),
    )
