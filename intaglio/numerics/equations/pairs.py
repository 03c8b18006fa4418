# SPDX-License-Identifier: Apache-2.0
"""Equations of arithmetics of two codes."""

from typing import assert_never

from intaglio.numerics.equations.functions import (
    division_function,
    rounding_function,
    shift_function,
)
from intaglio.numerics.equations.requantizers import requantizer_equations
from intaglio.numerics.equations.scalings import scaling_equations
from intaglio.numerics.equations.statements import Equations, Number
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    PairFunction,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.rounding import Rounding

_EVEN = rounding_function(Rounding.HALF_EVEN)
_CLAMP = "y = min(max(r + z, low), high)"


def pair_equations(pair: PairArithmetic) -> Equations:
    """The equations of ``y = pair.apply(x1, x2)``."""
    match pair:
        case RescaledSum():
            return _rescaled(pair)
        case SharedShiftSum():
            lines = (
                "p = b + x1 * m1 + x2 * m2",
                f"r = {shift_function(pair.rounding)}(p, s)",
                _CLAMP,
            )
            return Equations(
                lines,
                {
                    "b": pair.bias,
                    "m1": pair.left_multiplier,
                    "m2": pair.right_multiplier,
                    "s": pair.shift,
                    **_ends(pair),
                },
            )
        case RationalSum():
            lines = (
                "p = (x1 - z1) * m1 + (x2 - z2) * m2",
                f"r = {division_function(pair.rounding)}(p, d)",
                _CLAMP,
            )
            return Equations(
                lines,
                {
                    "z1": pair.left_zero_point,
                    "z2": pair.right_zero_point,
                    "m1": pair.left_numerator,
                    "m2": pair.right_numerator,
                    "d": pair.denominator,
                    **_ends(pair),
                },
            )
        case FusedMultiplyAddSum():
            lines = (
                "v2 = fl32(fl32(x2) * f2 + c)",
                "v1 = fl32(fl32(x1) * f1 + v2)",
                f"y = min(max({_EVEN}(v1), low), high)",
            )
            return Equations(
                lines,
                {
                    "f1": pair.left_ratio.value,
                    "f2": pair.right_ratio.value,
                    "c": pair.fixed.value,
                    "low": pair.low,
                    "high": pair.high,
                },
            )
        case DequantizedPair():
            return _dequantized(pair)
        case _:
            assert_never(pair)


def _ends(pair: SharedShiftSum | RationalSum | DequantizedPair) -> dict[str, Number]:
    return {"z": pair.zero_point, "low": pair.low, "high": pair.high}


def _rescaled(pair: RescaledSum) -> Equations:
    shifted = f" << {pair.left_shift}" if pair.left_shift else ""
    operands = Equations(
        (f"a1 = (x1 - z1){shifted}", f"a2 = (x2 - z2){shifted}"),
        {"z1": pair.left_zero_point, "z2": pair.right_zero_point},
    )
    sign = "-" if pair.subtract else "+"
    return (
        operands.then(scaling_equations(pair.left, "a1", "r1", "1"))
        .then(scaling_equations(pair.right, "a2", "r2", "2"))
        .then(Equations((f"a = r1 {sign} r2",)))
        .then(requantizer_equations(pair.output, "a", "y"))
    )


def _dequantized(pair: DequantizedPair) -> Equations:
    combined = {
        PairFunction.ADD: "fl32(v1 + v2)",
        PairFunction.SUBTRACT: "fl32(v1 - v2)",
        PairFunction.MULTIPLY: "fl32(v1 * v2)",
        PairFunction.MINIMUM: "min(v1, v2)",
        PairFunction.MAXIMUM: "max(v1, v2)",
        PairFunction.SQUARED_DIFFERENCE: "fl32(fl32(v1 - v2) * fl32(v1 - v2))",
    }[pair.function]
    match pair.method:
        case QuantizeMethod.DIVIDE:
            quotient = "fl32(v / f)"
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            quotient = "fl32(v * fl32(1 / f))"
        case _:
            assert_never(pair.method)
    lines = (
        "v1 = fl32(fl32(x1 - z1) * f1)",
        "v2 = fl32(fl32(x2 - z2) * f2)",
        f"v = {combined}",
        f"r = {_EVEN}({quotient})",
        _CLAMP,
    )
    return Equations(
        lines,
        {
            "z1": pair.left_zero_point,
            "f1": pair.left_scale.value,
            "z2": pair.right_zero_point,
            "f2": pair.right_scale.value,
            "f": pair.output_scale.value,
            **_ends(pair),
        },
    )
