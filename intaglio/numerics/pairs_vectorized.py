# SPDX-License-Identifier: Apache-2.0
"""The two-input arithmetics on whole arrays, equal to their ``apply`` on every pair of elements."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_arrays import Float32Array, fused_multiply_add_array
from intaglio.numerics.float_codes import to_codes, to_float32
from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    PairFunction,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.quantize_method import QuantizeMethod, reciprocal
from intaglio.numerics.rounding import Rounding, divide_array, shift_right_array
from intaglio.numerics.vectorized import apply_requantizers, apply_scalings

Int64Array = NDArray[np.int64]

ROOM = 1 << 62
"""Bounds below this leave an int64 room for the sum of two."""


def apply_pair(arithmetic: PairArithmetic, left: IntegerArray, right: IntegerArray) -> Int64Array:
    """The codes for two integer arrays, broadcast against each other.

    Raises:
        InvalidData: a float32 operation overflows, or a code needs more than 64 bits.
    """
    first, second = np.broadcast_arrays(left, right)
    if first.size == 0:
        return np.zeros(first.shape, dtype=np.int64)
    match arithmetic:
        case RescaledSum():
            codes = _rescaled(arithmetic, first, second)
        case SharedShiftSum():
            codes = _shared_shift(arithmetic, first, second)
        case RationalSum():
            codes = _rational(arithmetic, first, second)
        case FusedMultiplyAddSum():
            codes = _fused_multiply_add_sum(arithmetic, first, second)
        case DequantizedPair():
            codes = _dequantized(arithmetic, first, second)
        case _:
            assert_never(arithmetic)
    return _exactly(arithmetic, first, second) if codes is None else codes


def _exactly(arithmetic: PairArithmetic, left: IntegerArray, right: IntegerArray) -> Int64Array:
    """Every pair through the definition: what doesn't fit machine words."""
    pairs = zip(left.ravel().tolist(), right.ravel().tolist(), strict=True)
    codes = [arithmetic.apply(first, second) for first, second in pairs]
    for code in (min(codes), max(codes)):
        if not -(1 << 63) <= code < 1 << 63:
            raise InvalidData("pairs", f"the code {code}", "a code of at most 64 bits", "clamp it")
    return np.array(codes, dtype=np.int64).reshape(left.shape)


def _magnitude(x: IntegerArray) -> int:
    return max(abs(int(x.min())), abs(int(x.max())))


def _centred(x: IntegerArray, zero_point: int) -> Int64Array | None:
    """``x - zero_point``, None where a bound of it leaves no room in int64."""
    if _magnitude(x) + abs(zero_point) >= ROOM:
        return None
    return x.astype(np.int64) - zero_point


def _rescaled(pair: RescaledSum, left: IntegerArray, right: IntegerArray) -> Int64Array | None:
    first = _shifted(left, pair.left_zero_point, pair.left_shift)
    second = _shifted(right, pair.right_zero_point, pair.left_shift)
    if first is None or second is None:
        return None
    scaled = (apply_scalings([pair.left], first), apply_scalings([pair.right], second))
    if max(_magnitude(part) for part in scaled) >= ROOM:
        return None
    total = scaled[0] - scaled[1] if pair.subtract else scaled[0] + scaled[1]
    return apply_requantizers([pair.output], total).astype(np.int64)


def _shifted(x: IntegerArray, zero_point: int, shift: int) -> Int64Array | None:
    centres = _centred(x, zero_point)
    if centres is None or _magnitude(centres) << shift >= ROOM:
        return None
    return centres << shift


def _shared_shift(
    pair: SharedShiftSum, left: IntegerArray, right: IntegerArray
) -> Int64Array | None:
    products = (
        _magnitude(left) * abs(pair.left_multiplier)
        + _magnitude(right) * abs(pair.right_multiplier)
        + abs(pair.bias)
    )
    parts = (left, right, np.array([pair.left_multiplier, pair.right_multiplier], dtype=object))
    if pair.shift > 63 or max(products, *(_magnitude(part) for part in parts)) >= ROOM:
        return None
    total = left.astype(np.int64) * pair.left_multiplier
    total += right.astype(np.int64) * pair.right_multiplier
    total += pair.bias
    return _finished(shift_right_array(total, pair.shift, pair.rounding), pair)


def _rational(pair: RationalSum, left: IntegerArray, right: IntegerArray) -> Int64Array | None:
    first, second = _centred(left, pair.left_zero_point), _centred(right, pair.right_zero_point)
    if first is None or second is None or not 0 < pair.denominator < ROOM:
        return None
    products = _magnitude(first) * abs(pair.left_numerator)
    products += _magnitude(second) * abs(pair.right_numerator)
    if max(products, abs(pair.left_numerator), abs(pair.right_numerator)) >= ROOM:
        return None
    total = first * pair.left_numerator + second * pair.right_numerator
    return _finished(divide_array(total, pair.denominator, pair.rounding), pair)


def _finished(rounded: Int64Array, pair: SharedShiftSum | RationalSum) -> Int64Array | None:
    if max(abs(pair.zero_point), abs(pair.low), abs(pair.high), _magnitude(rounded)) >= ROOM:
        return None
    return np.minimum(np.maximum(rounded + pair.zero_point, pair.low), pair.high)


def _fused_multiply_add_sum(
    pair: FusedMultiplyAddSum, left: IntegerArray, right: IntegerArray
) -> Int64Array | None:
    fixed = np.float32(pair.fixed.value)
    left_ratio, right_ratio = np.float32(pair.left_ratio.value), np.float32(pair.right_ratio.value)
    with _finite():
        second = fused_multiply_add_array(to_float32(right), right_ratio, fixed)
        total = fused_multiply_add_array(to_float32(left), left_ratio, second)
    return _words(to_codes(total, Rounding.HALF_EVEN, 0, pair.low, pair.high))


def _in_units_of(
    scale: Float32, values: NDArray[np.float32], method: QuantizeMethod
) -> NDArray[np.float32]:
    match method:
        case QuantizeMethod.DIVIDE:
            return values / np.float32(scale.value)
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            return values * np.float32(reciprocal(scale).value)
        case _:
            assert_never(method)


def _dequantized(
    pair: DequantizedPair, left: IntegerArray, right: IntegerArray
) -> Int64Array | None:
    first, second = _centred(left, pair.left_zero_point), _centred(right, pair.right_zero_point)
    if first is None or second is None:
        return None
    with _finite():
        value = _combined(
            pair.function,
            to_float32(first) * np.float32(pair.left_scale.value),
            to_float32(second) * np.float32(pair.right_scale.value),
        )
        quotient = _in_units_of(pair.output_scale, value, pair.method)
    return _words(to_codes(quotient, Rounding.HALF_EVEN, pair.zero_point, pair.low, pair.high))


def _combined(function: PairFunction, first: Float32Array, second: Float32Array) -> Float32Array:
    match function:
        case PairFunction.ADD:
            return first + second
        case PairFunction.SUBTRACT:
            return first - second
        case PairFunction.MULTIPLY:
            return first * second
        case PairFunction.MINIMUM:
            return np.minimum(first, second)
        case PairFunction.MAXIMUM:
            return np.maximum(first, second)
        case PairFunction.SQUARED_DIFFERENCE:
            difference: Float32Array = first - second
            return difference * difference
        case _:
            assert_never(function)


def _words(codes: NDArray[Any]) -> Int64Array | None:
    return None if codes.dtype == object else codes.astype(np.int64)


@contextmanager
def _finite() -> Generator[None]:
    """Refuse what overflows float32, as the definition does."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            yield
    except FloatingPointError as error:
        raise InvalidData(
            "two-input arithmetic",
            "a float32 result beyond the largest finite value",
            "a finite value",
            "use scales that keep results finite",
        ) from error
