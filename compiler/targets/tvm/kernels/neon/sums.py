# SPDX-License-Identifier: Apache-2.0
"""Sums of two codes in 32 bits, proved on all pairs.

An addition of two quantized tensors is a function of 65,536 pairs.  Those that are a rounded linear
form of wider integers are most often one of narrower ones too,

    y = clamp(zero_point + floor((a (x1 - z1) + b (x2 - z2) + c) / 2**n + 1/2)),

with a and b not quite in proportion, which only trying every pair can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import PairArithmetic, RescaledSum, SharedShiftSum
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, Scaling

Int64Array = npt.NDArray[np.int64]
_LEAST_SHIFT, _MOST_SHIFT = 17, 23
"""The high halves of the sums are taken first, then shifted by 1 to 7 places and narrowed."""

_CLOSE = 2.0**-10
"""How near a half a sum lies, in codes, so that a candidate may round it otherwise."""

_NEAR = 3
"""Multipliers that are tried on either side of the true ones."""

_OFFSETS = 48
"""Constants that are tried on either side."""


@dataclass(frozen=True, slots=True)
class LinearSum:
    """The form above; no sum of two codes leaves 32 bits."""

    factors: tuple[int, int]
    zeros: tuple[int, int]
    constant: int
    shift: int
    zero_point: int
    low: int
    high: int

    def total(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """The sums before the shift."""
        first = (left - self.zeros[0]) * self.factors[0]
        return first + (right - self.zeros[1]) * self.factors[1] + self.constant

    def apply(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """The codes of pairs."""
        total = self.total(left, right)
        rounded = (total + (1 << (self.shift - 1))) >> self.shift
        codes: Int64Array = np.clip(rounded + self.zero_point, self.low, self.high)
        return codes


@dataclass(frozen=True, slots=True)
class _Exact:
    """What a sum is: every code, and the real slopes."""

    codes: Int64Array
    slopes: tuple[float, float]
    zeros: tuple[int, int]
    constant: float
    zero_point: int
    low: int
    high: int


def linear_sum(arithmetic: PairArithmetic, left: IntType, right: IntType) -> LinearSum | None:
    """The arithmetic on all codes of two bytes; None where this form doesn't serve."""
    if max(left.bits, right.bits) > 8:
        return None
    first = np.arange(left.minimum, left.maximum + 1, dtype=np.int64)[:, None]
    second = np.arange(right.minimum, right.maximum + 1, dtype=np.int64)[None]
    match arithmetic:
        case SharedShiftSum():
            exact = _shared_shift(arithmetic, first, second)
        case RescaledSum():
            exact = _rescaled(arithmetic, first, second)
        case _:
            return None
    if exact is None or not -128 <= exact.low <= exact.high <= 255 or abs(exact.zero_point) > 255:
        return None
    return _found(exact, first, second)


def _shared_shift(
    arithmetic: SharedShiftSum, first: Int64Array, second: Int64Array
) -> _Exact | None:
    factors = (arithmetic.left_multiplier, arithmetic.right_multiplier)
    if arithmetic.rounding is not Rounding.HALF_TOWARD_POSITIVE or arithmetic.shift < 1:
        return None
    if max(map(abs, factors)) >> 40 or abs(arithmetic.bias) >> 50 or arithmetic.shift > 50:
        return None
    total = first * factors[0] + second * factors[1] + arithmetic.bias
    codes = (total + (1 << (arithmetic.shift - 1))) >> arithmetic.shift
    unit = float(1 << arithmetic.shift)
    zeros = _zeros(factors, arithmetic.bias)
    rest = arithmetic.bias + factors[0] * zeros[0] + factors[1] * zeros[1]
    return _Exact(
        np.clip(codes + arithmetic.zero_point, arithmetic.low, arithmetic.high),
        (factors[0] / unit, factors[1] / unit),
        zeros,
        rest / unit,
        arithmetic.zero_point,
        arithmetic.low,
        arithmetic.high,
    )


def _zeros(factors: tuple[int, int], bias: int) -> tuple[int, int]:
    """Zero points that make up the bias; none where there are no such ones."""
    if factors[1]:
        for zero in range(-255, 256):
            other, rest = divmod(-bias - zero * factors[0], factors[1])
            if rest == 0 and abs(other) <= 255:
                return zero, other
    return 0, 0


def _rescaled(arithmetic: RescaledSum, first: Int64Array, second: Int64Array) -> _Exact | None:
    zeros = (arithmetic.left_zero_point, arithmetic.right_zero_point)
    sides = (arithmetic.left, arithmetic.right)
    output = arithmetic.output
    slopes = [_slope(scaling) for scaling in (*sides, output.scaling)]
    if any(slope is None for slope in slopes):
        return None
    up = 1 << arithmetic.left_shift
    scaled = [
        np.array([side.apply((int(x) - zero) * up) for x in codes.ravel()], dtype=object)
        for side, codes, zero in zip(sides, (first, second), zeros, strict=True)
    ]
    if max(abs(int(value)) for side in scaled for value in side) >> 30:
        return None
    one, two = (side.astype(np.int64) for side in scaled)
    sign = -1 if arithmetic.subtract else 1
    total = one.reshape(first.shape) + sign * two.reshape(second.shape)
    codes = np.clip(
        _rescaled_codes(output.scaling, total) + output.zero_point, output.low, output.high
    )
    left, right, last = (float(slope or 0) for slope in slopes)
    return _Exact(
        codes,
        (left * last * up, sign * right * last * up),
        zeros,
        0.0,
        output.zero_point,
        output.low,
        output.high,
    )


def _slope(scaling: Scaling) -> float | None:
    match scaling:
        case MultiplyShift(rounding=Rounding.HALF_TOWARD_POSITIVE) if 0 < scaling.shift < 60:
            return scaling.multiplier / float(1 << scaling.shift)
        case DoubleRounding() if -30 < scaling.shift <= 0:
            return scaling.multiplier / float(1 << (31 - scaling.shift))
        case _:
            return None


def _rescaled_codes(scaling: Scaling, x: Int64Array) -> Int64Array:
    """``scaling.apply`` on all of an array of less than 31 bits."""
    if isinstance(scaling, MultiplyShift):
        return (x * scaling.multiplier + ((1 << scaling.shift) >> 1)) >> scaling.shift
    assert isinstance(scaling, DoubleRounding)
    high = (x * scaling.multiplier + (1 << 30)) >> 31
    places = -scaling.shift
    half = (1 << places) >> 1
    match scaling.ties:
        case Rounding.HALF_AWAY_FROM_ZERO:
            return (high + half + ((high >> 63) if places else 0)) >> places
        case Rounding.HALF_TOWARD_POSITIVE:
            return (high + half) >> places
        case _:
            return high >> places


def _found(exact: _Exact, first: Int64Array, second: Int64Array) -> LinearSum | None:
    """A narrower form with the same codes; the few pairs near a half tell of most others."""
    reach = 256 * sum(map(abs, exact.slopes)) + abs(exact.constant) + 1
    shift = min(_MOST_SHIFT, int(np.floor(31 - np.log2(reach))))
    if shift < _LEAST_SHIFT:
        return None
    real = (first - exact.zeros[0]) * exact.slopes[0] + (second - exact.zeros[1]) * exact.slopes[1]
    real = real + exact.constant
    close = np.abs(real - np.floor(real) - 0.5) < _CLOSE
    shape = exact.codes.shape
    left = np.broadcast_to(first, shape)[close]
    right = np.broadcast_to(second, shape)[close]
    wanted = exact.codes[close]
    for candidate in _candidates(exact, shift):
        if not np.array_equal(candidate.apply(left, right), wanted):
            continue
        if np.abs(candidate.total(first, second)).max() >> 31:
            return None
        if np.array_equal(candidate.apply(first, second), exact.codes):
            return candidate
    return None


def _candidates(exact: _Exact, shift: int) -> Iterator[LinearSum]:
    """Narrower forms, those with the most exact multipliers first."""
    near = [round(slope * (1 << shift)) for slope in exact.slopes]
    middle = round(exact.constant * (1 << shift))
    around = range(-_NEAR, _NEAR + 1)
    offsets = sorted(
        product(around, around, range(-_OFFSETS, _OFFSETS + 1, 4)),
        key=lambda each: (each[2] != 0, sum(map(abs, each))),
    )
    for a, b, c in offsets:
        yield LinearSum(
            (near[0] + a, near[1] + b),
            exact.zeros,
            middle + c,
            shift,
            exact.zero_point,
            exact.low,
            exact.high,
        )
