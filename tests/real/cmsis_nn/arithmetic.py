# SPDX-License-Identifier: Apache-2.0
"""What the profile ``cmsis-nn`` says of each operator, with the multiplier and shift of a case."""

from typing import TypeVar

from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import ContractionRule, load_profile
from intaglio.numerics.profile.methods import (
    ProductMethod,
    RawCodeMean,
    RescaledSumMethod,
    SaturatingSumMethod,
)
from intaglio.numerics.profile.schemes import (
    DoubleRoundingScheme,
    Int16MultiplierScheme,
    MultiplyShiftScheme,
    Scheme,
)
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, Int16Multiply, MultiplyShift, Scaling

PROFILE = load_profile("cmsis-nn")

MethodT = TypeVar("MethodT")


def scaling_of(scheme: Scheme, multiplier: int, shift: int) -> Scaling:
    """A case's multiplier and shift, applied as the scheme says."""
    match scheme:
        case DoubleRoundingScheme():
            return DoubleRounding(multiplier, shift, scheme.ties)
        case Int16MultiplierScheme():
            return Int16Multiply(multiplier, shift)
        case MultiplyShiftScheme():
            return MultiplyShift(multiplier, 31 - shift, scheme.rounding)
        case _:
            raise AssertionError(f"no case of CMSIS-NN's tests states {scheme}")


def contraction(op: str, operand: IntType, bias: IntType | None) -> ContractionRule:
    """The rule of a convolution or matrix product with weights of 8 bits."""
    weights = IntType(8, signed=True)
    return PROFILE.first(PROFILE.contraction, op, operand, operand, weights=weights, bias=bias)


def rescaled_sum(operand: IntType) -> RescaledSumMethod:
    """ADD."""
    return _method(PROFILE.first(PROFILE.pair, "add", operand, operand).method, RescaledSumMethod)


def product(op: str, operand: IntType, result: IntType) -> Scheme:
    """MUL."""
    method = _method(PROFILE.first(PROFILE.pair, op, operand, result).method, ProductMethod)
    return method.rescale.scheme


def saturates_operands(operand: IntType) -> bool:
    """Whether what is added to a gate is saturated before."""
    rule = PROFILE.first(PROFILE.pair, "recurrent_add", operand, operand)
    return _method(rule.method, SaturatingSumMethod).saturate_operands


def mean_rounding(operand: IntType) -> Rounding:
    """AVERAGE_POOL_2D."""
    rule = PROFILE.first(PROFILE.mean, "average_pool2d", operand, operand)
    return _method(rule.method, RawCodeMean).rounding


def _method(found: object, expected: type[MethodT]) -> MethodT:
    assert isinstance(found, expected)
    return found
