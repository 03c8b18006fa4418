# SPDX-License-Identifier: Apache-2.0
"""Real functions, correctly rounded: the one place where tables get their values.

A result is first enclosed between two rationals; the enclosure narrows until both ends round alike.
Values that are rational by nature (piecewise linear functions, transcendental ones at zero) are
exact from the start, so a tie is seen as a tie.
"""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import TypeVar

import mpmath

from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding, round_fraction

_FIRST_BITS = 80
_LAST_BITS = 2000

ResultT = TypeVar("ResultT")


def _fraction(value: mpmath.mpf) -> Fraction:
    magnitude = Fraction(int(value.man)) * Fraction(2) ** int(value.exp)
    return -magnitude if value < 0 else magnitude


class Real:
    """A real number that can be enclosed as tightly as asked."""

    def __init__(self, evaluate: Callable[[], mpmath.mpf] | None, exact: Fraction | None) -> None:
        """Hold either an exact rational or a function of mpmath's working precision."""
        self._evaluate = evaluate
        self._exact = exact

    def decide(self, rounded: Callable[[Fraction], ResultT]) -> ResultT:
        """``rounded`` of the real number, for a monotone ``rounded``."""
        if self._exact is not None or self._evaluate is None:
            return rounded(self._exact or Fraction(0))
        bits = _FIRST_BITS
        while True:
            with mpmath.workprec(bits):
                middle = _fraction(self._evaluate())
            # mpmath is accurate to a few units in the last place; 2**16 of them are generous.
            slack = abs(middle) * Fraction(1, 1 << (bits - 16))
            low, high = rounded(middle - slack), rounded(middle + slack)
            if low == high or bits >= _LAST_BITS:
                return high
            bits *= 2

    def rounded_to_integer(self, scale: Fraction, rounding: Rounding) -> int:
        """round(self / scale)."""
        return self.decide(lambda value: round_fraction(value / scale, rounding))

    def rounded_to_float32(self) -> Float32:
        """fl32(self), half to even."""
        return self.decide(Float32.from_fraction)


def rational(value: Fraction) -> Real:
    """An exact rational."""
    return Real(None, value)


def _mp(x: Fraction) -> mpmath.mpf:
    return mpmath.mpf(x.numerator) / x.denominator


def exponential(x: Fraction) -> Real:
    """exp(x)."""
    if x == 0:
        return rational(Fraction(1))
    return Real(lambda: mpmath.exp(_mp(x)), None)


def sigmoid(x: Fraction) -> Real:
    """1 / (1 + exp(-x))."""
    if x == 0:
        return rational(Fraction(1, 2))
    return Real(lambda: 1 / (1 + mpmath.exp(-_mp(x))), None)


def tanh(x: Fraction) -> Real:
    """The hyperbolic tangent of x."""
    if x == 0:
        return rational(Fraction(0))
    return Real(lambda: mpmath.tanh(_mp(x)), None)


def gelu(x: Fraction) -> Real:
    """X * Φ(x) = x * erfc(-x / sqrt(2)) / 2."""
    if x == 0:
        return rational(Fraction(0))
    return Real(lambda: _mp(x) * mpmath.erfc(-_mp(x) / mpmath.sqrt(2)) / 2, None)


def gelu_tanh(x: Fraction) -> Real:
    """X / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x³))) = x * sigmoid(2 * the argument)."""
    if x == 0:
        return rational(Fraction(0))
    cubic = x + Fraction(44715, 1000000) * x**3
    return Real(
        lambda: _mp(x) / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * _mp(cubic))), None
    )


def elu(x: Fraction, alpha: Fraction) -> Real:
    """Identity where x >= 0, else alpha * (exp(x) - 1)."""
    if x >= 0 or alpha == 0:
        return rational(x if x >= 0 else Fraction(0))
    return Real(lambda: _mp(alpha) * mpmath.expm1(_mp(x)), None)


def square_root(x: Fraction) -> Real:
    """The square root of x >= 0."""
    numerator, denominator = isqrt(x.numerator), isqrt(x.denominator)
    if (numerator**2, denominator**2) == (x.numerator, x.denominator):
        return rational(Fraction(numerator, denominator))
    return Real(lambda: mpmath.sqrt(_mp(x)), None)


def reciprocal_square_root(x: Fraction) -> Real:
    """1 / sqrt(x) for x > 0."""
    numerator, denominator = isqrt(x.numerator), isqrt(x.denominator)
    if (numerator**2, denominator**2) == (x.numerator, x.denominator):
        return rational(Fraction(denominator, numerator))
    return Real(lambda: 1 / mpmath.sqrt(_mp(x)), None)


def leaky_relu(x: Fraction, slope: Fraction) -> Real:
    """Identity where x >= 0, else slope * x."""
    return rational(x if x >= 0 else slope * x)


def hard_sigmoid(x: Fraction, alpha: Fraction, beta: Fraction) -> Real:
    """max(0, min(1, alpha * x + beta))."""
    return rational(max(Fraction(0), min(Fraction(1), alpha * x + beta)))


def hard_swish(x: Fraction) -> Real:
    """Identity times max(0, min(1, x / 6 + 1 / 2))."""
    return rational(x * max(Fraction(0), min(Fraction(1), x / 6 + Fraction(1, 2))))
