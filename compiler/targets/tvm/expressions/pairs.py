# SPDX-License-Identifier: Apache-2.0
"""Every two-input arithmetic as an expression that equals its ``apply`` on all pairs of codes."""

from fractions import Fraction
from typing import assert_never

from intaglio.compiler.targets.tvm.expressions import floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped, requantized
from intaglio.compiler.targets.tvm.expressions.rounding import divide, shift_right
from intaglio.compiler.targets.tvm.expressions.scalings import scaled
from intaglio.compiler.targets.tvm.function import element_type
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.float32 import Float32
from intaglio.numerics.intervals import Interval
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
from intaglio.numerics.rounding import Rounding

_SLACK = Fraction(17, 16)
"""More than a few float32 roundings can add to a magnitude, in proportion."""


def paired(at: Channels, arithmetic: PairArithmetic, left: Number, right: Number) -> Number:
    """``arithmetic.apply(left, right)``."""
    match arithmetic:
        case RescaledSum():
            return _rescaled_sum(at, arithmetic, left, right)
        case SharedShiftSum():
            total = at.constant(arithmetic.bias) + left * at.constant(arithmetic.left_multiplier)
            total += right * at.constant(arithmetic.right_multiplier)
            rounded = shift_right(at, total, [arithmetic.shift], arithmetic.rounding)
            return _placed(at, arithmetic, rounded)
        case RationalSum():
            first = left - at.constant(arithmetic.left_zero_point)
            second = right - at.constant(arithmetic.right_zero_point)
            total = first * at.constant(arithmetic.left_numerator)
            total += second * at.constant(arithmetic.right_numerator)
            denominator = at.constant(arithmetic.denominator)
            return _placed(at, arithmetic, divide(at, total, denominator, arithmetic.rounding))
        case FusedMultiplyAddSum():
            return _fused_multiply_add_sum(at, arithmetic, left, right)
        case DequantizedPair():
            return _dequantized_pair(at, arithmetic, left, right)
        case _:
            assert_never(arithmetic)


def _placed(
    at: Channels, arithmetic: SharedShiftSum | RationalSum | DequantizedPair, rounded: Number
) -> Number:
    return clamped(
        at, [arithmetic.low], [arithmetic.high], rounded + at.constant(arithmetic.zero_point)
    )


def _rescaled_sum(at: Channels, arithmetic: RescaledSum, left: Number, right: Number) -> Number:
    up = at.constant(1 << arithmetic.left_shift)
    first = scaled(at, [arithmetic.left], (left - at.constant(arithmetic.left_zero_point)) * up)
    other = (right - at.constant(arithmetic.right_zero_point)) * up
    second = scaled(at, [arithmetic.right], other)
    total = first - second if arithmetic.subtract else first + second
    return requantized(at, [arithmetic.output], total)


def _fused_multiply_add_sum(
    at: Channels, arithmetic: FusedMultiplyAddSum, left: Number, right: Number
) -> Number:
    fixed, right_ratio = at.float32([arithmetic.fixed]), at.float32([arithmetic.right_ratio])
    second = fused_multiply_add(at, floating.from_number(at, right, "float32"), right_ratio, fixed)
    left_ratio = at.float32([arithmetic.left_ratio])
    total = fused_multiply_add(at, floating.from_number(at, left, "float32"), left_ratio, second)
    bound = _magnitude(left, arithmetic.left_ratio) + _magnitude(right, arithmetic.right_ratio)
    bound += abs(arithmetic.fixed.fraction)
    needed = Interval(arithmetic.low, arithmetic.high)
    return clamped(at, [arithmetic.low], [arithmetic.high], _rounded(at, total, bound, needed))


def fused_multiply_add(at: Channels, a: Expression, b: Expression, c: Expression) -> Expression:
    """``fl32(a * b + c)`` with one rounding."""
    return at.function.bind(tirx.call_llvm_pure_intrin(element_type(a), "llvm.fma", a, b, c))


def _dequantized_pair(
    at: Channels, arithmetic: DequantizedPair, left: Number, right: Number
) -> Number:
    first = left - at.constant(arithmetic.left_zero_point)
    second = right - at.constant(arithmetic.right_zero_point)
    combined = _combined(
        at,
        arithmetic.function,
        _dequantized(at, first, arithmetic.left_scale),
        _dequantized(at, second, arithmetic.right_scale),
    )
    bounds = (_magnitude(first, arithmetic.left_scale), _magnitude(second, arithmetic.right_scale))
    bound = _combined_bound(arithmetic.function, *bounds)
    quotient = at.function.bind(_in_units_of(at, arithmetic, combined))
    needed = Interval(
        arithmetic.low - arithmetic.zero_point, arithmetic.high - arithmetic.zero_point
    )
    rounded = _rounded(at, quotient, bound / arithmetic.output_scale.fraction, needed)
    return _placed(at, arithmetic, rounded)


def _in_units_of(at: Channels, arithmetic: DequantizedPair, value: Expression) -> Expression:
    match arithmetic.method:
        case QuantizeMethod.DIVIDE:
            return value / at.float32([arithmetic.output_scale])
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            factor = reciprocal(arithmetic.output_scale)
            return floating.alone(at.function.bind(value) * at.float32([factor]))
        case _:
            assert_never(arithmetic.method)


def _dequantized(at: Channels, centred: Number, scale: Float32) -> Expression:
    value = floating.from_number(at, centred, "float32")
    return at.function.bind(floating.alone(value * at.float32([scale])))


def _combined(
    at: Channels, function: PairFunction, first: Expression, second: Expression
) -> Expression:
    match function:
        case PairFunction.ADD:
            return first + second
        case PairFunction.SUBTRACT:
            return first - second
        case PairFunction.MULTIPLY:
            return first * second
        case PairFunction.MINIMUM:
            return tirx.min(first, second)
        case PairFunction.MAXIMUM:
            return tirx.max(first, second)
        case PairFunction.SQUARED_DIFFERENCE:
            difference = at.function.bind(first - second)
            return difference * difference
        case _:
            assert_never(function)


def _combined_bound(function: PairFunction, first: Fraction, second: Fraction) -> Fraction:
    match function:
        case PairFunction.MULTIPLY:
            return first * second
        case PairFunction.SQUARED_DIFFERENCE:
            return (first + second) ** 2
        case PairFunction.ADD | PairFunction.SUBTRACT | PairFunction.MINIMUM | PairFunction.MAXIMUM:
            return first + second
        case _:
            assert_never(function)


def _magnitude(x: Number, scale: Float32) -> Fraction:
    return x.interval.magnitude * abs(scale.fraction)


def _rounded(at: Channels, x: Expression, bound: Fraction, needed: Interval) -> Number:
    integral = floating.round_to_integral(at, x, "float32", Rounding.HALF_EVEN)
    return floating.to_number(at, integral, "float32", bound * _SLACK + 1, needed)
