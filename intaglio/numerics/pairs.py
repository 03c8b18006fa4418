# SPDX-License-Identifier: Apache-2.0
"""Two-input arithmetics: functions of two quantized codes, each with its own scale.

Each is a small frozen dataclass with one ``apply`` on exact Python integers, the definition.
"""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.quantize_method import QuantizeMethod, in_units_of
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, divide, shift_right
from intaglio.numerics.scalings import Scaling


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


@dataclass(frozen=True, slots=True)
class RescaledSum:
    """y = output(left((x1 - z1) << left_shift) ± right((x2 - z2) << left_shift)).

    Three scalings, each with its own rounding.
    Source: TFLite and TFLM reference ADD and SUB.
    """

    left_zero_point: int
    right_zero_point: int
    left_shift: int
    left: Scaling
    right: Scaling
    output: Requantizer
    subtract: bool = False

    def apply(self, left: int, right: int) -> int:
        """The code for two codes."""
        first = self.left.apply((left - self.left_zero_point) << self.left_shift)
        second = self.right.apply((right - self.right_zero_point) << self.left_shift)
        return self.output.apply(first - second if self.subtract else first + second)


@dataclass(frozen=True, slots=True)
class SharedShiftSum:
    """y = clamp(round((bias + x1 * left + x2 * right) / 2**shift) + zero_point, low, high).

    One rounding for the whole sum.  The input zero points are in ``bias``.
    Source: XNNPACK qs8 vadd (20-bit multipliers); ours with wider multipliers.
    """

    left_multiplier: int
    right_multiplier: int
    bias: int
    shift: int
    rounding: Rounding
    zero_point: int
    low: int
    high: int

    def apply(self, left: int, right: int) -> int:
        """The code for two codes."""
        total = self.bias + left * self.left_multiplier + right * self.right_multiplier
        rounded = shift_right(total, self.shift, self.rounding)
        return _clamp(rounded + self.zero_point, self.low, self.high)


@dataclass(frozen=True, slots=True)
class RationalSum:
    """y = clamp(round(((x1 - z1) left + (x2 - z2) right) / denominator) + zero_point, low, high).

    The exact real sum under exact real scales, rounded once.
    """

    left_zero_point: int
    right_zero_point: int
    left_numerator: int
    right_numerator: int
    denominator: int
    rounding: Rounding
    zero_point: int
    low: int
    high: int

    def apply(self, left: int, right: int) -> int:
        """The code for two codes."""
        total = (left - self.left_zero_point) * self.left_numerator
        total += (right - self.right_zero_point) * self.right_numerator
        rounded = divide(total, self.denominator, self.rounding)
        return _clamp(rounded + self.zero_point, self.low, self.high)


@dataclass(frozen=True, slots=True)
class FusedMultiplyAddSum:
    """y = clamp(half_even(fma(x1, left, fma(x2, right, fixed))), low, high) in binary32.

    Zero points are inside ``fixed``, the output's inside the rounding.
    Source: ONNX Runtime 1.31 QLinearAdd on x86 with FMA.
    """

    left_ratio: Float32
    right_ratio: Float32
    fixed: Float32
    low: int
    high: int

    def apply(self, left: int, right: int) -> int:
        """The code for two codes."""
        second = float32.fused_multiply_add(
            float32.from_integer(right), self.right_ratio, self.fixed
        )
        total = float32.fused_multiply_add(float32.from_integer(left), self.left_ratio, second)
        return _clamp(float32.round_to_integer(total, Rounding.HALF_EVEN), self.low, self.high)


class PairFunction(Enum):
    """The real function of two dequantized codes."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SQUARED_DIFFERENCE = "squared_difference"


@dataclass(frozen=True, slots=True)
class DequantizedPair:
    """y = clamp(half_even(fl32(f(fl32((x1-z1)s1), fl32((x2-z2)s2)) / s)) + zero_point, low, high).

    Every operation is one binary32 operation; ``method`` may multiply by fl32(1 / s) instead.
    Source: ONNX DequantizeLinear, the float operator, QuantizeLinear, run one after another.
    """

    function: PairFunction
    left_scale: Float32
    left_zero_point: int
    right_scale: Float32
    right_zero_point: int
    output_scale: Float32
    zero_point: int
    low: int
    high: int
    method: QuantizeMethod = QuantizeMethod.DIVIDE

    def apply(self, left: int, right: int) -> int:
        """The code for two codes."""
        first = float32.multiply(float32.from_integer(left - self.left_zero_point), self.left_scale)
        second = float32.multiply(
            float32.from_integer(right - self.right_zero_point), self.right_scale
        )
        quotient = in_units_of(self.output_scale, self._combine(first, second), self.method)
        rounded = float32.round_to_integer(quotient, Rounding.HALF_EVEN)
        return _clamp(rounded + self.zero_point, self.low, self.high)

    def _combine(self, first: Float32, second: Float32) -> Float32:
        match self.function:
            case PairFunction.ADD:
                return float32.add(first, second)
            case PairFunction.SUBTRACT:
                return float32.subtract(first, second)
            case PairFunction.MULTIPLY:
                return float32.multiply(first, second)
            case PairFunction.MINIMUM:
                return min(first, second, key=lambda operand: operand.fraction)
            case PairFunction.MAXIMUM:
                return max(first, second, key=lambda operand: operand.fraction)
            case PairFunction.SQUARED_DIFFERENCE:
                difference = float32.subtract(first, second)
                return float32.multiply(difference, difference)
            case _:
                assert_never(self.function)


PairArithmetic = RescaledSum | SharedShiftSum | RationalSum | FusedMultiplyAddSum | DequantizedPair
