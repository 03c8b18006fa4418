# SPDX-License-Identifier: Apache-2.0
"""From float arrays to codes: round, add the zero point, clamp; exact at every magnitude."""

from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.rounding import Rounding

FloatArray = NDArray[Any]
"""An array of float32 or float64."""

_EXACT = 1 << 53
"""Integers below this magnitude are exact in float64."""

_BEYOND_FLOAT32 = 2.0**128


def to_codes(
    values: FloatArray, mode: Rounding, zero_point: int, low: int, high: int
) -> IntegerArray:
    """``min(max(round(value) + zero_point, low), high)`` of float32 values, infinities among them.

    The result is int64, or Python ints where a bound doesn't fit.
    """
    rounded = round_float32(values, mode)
    first, last = low - zero_point, high - zero_point
    if max(abs(first), abs(last), abs(zero_point)) < _EXACT:
        codes: NDArray[np.int64] = np.clip(rounded, first, last).astype(np.int64) + zero_point
        return codes
    finite: list[float] = np.clip(rounded, -_BEYOND_FLOAT32, _BEYOND_FLOAT32).ravel().tolist()
    exact = [min(max(int(value) + zero_point, low), high) for value in finite]
    return np.array(exact, dtype=object).reshape(rounded.shape)


def round_float32(values: FloatArray, mode: Rounding) -> NDArray[np.float64]:
    """Float32 values, infinities among them, rounded to integers that float64 holds.

    The half that is added to a float32 in float64 is exact where it can decide a rounding.
    """
    wide: NDArray[np.float64] = np.asarray(values).astype(np.float64)
    match mode:
        case Rounding.FLOOR:
            return np.floor(wide)
        case Rounding.CEIL:
            return np.ceil(wide)
        case Rounding.TOWARD_ZERO:
            return np.trunc(wide)
        case Rounding.AWAY_FROM_ZERO:
            return np.copysign(np.ceil(np.abs(wide)), wide)
        case Rounding.HALF_TOWARD_POSITIVE:
            return np.floor(wide + 0.5)
        case Rounding.HALF_TOWARD_NEGATIVE:
            return np.ceil(wide - 0.5)
        case Rounding.HALF_EVEN:
            return np.rint(wide)
        case Rounding.HALF_AWAY_FROM_ZERO:
            return np.copysign(np.floor(np.abs(wide) + 0.5), wide)
        case Rounding.HALF_TOWARD_ZERO:
            return np.copysign(np.ceil(np.abs(wide) - 0.5), wide)
        case _:
            assert_never(mode)


def to_float32(integers: IntegerArray) -> NDArray[np.float32]:
    """fl32 of integers of any type, Python ints included: one rounding, half to even."""
    if integers.dtype != object:
        return integers.astype(np.float32)
    return np.array([_nearest(value) for value in integers.ravel().tolist()], np.float32).reshape(
        integers.shape
    )


def _nearest(value: int) -> float:
    return Float32.from_integer(value).value
