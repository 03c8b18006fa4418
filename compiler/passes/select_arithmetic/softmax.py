# SPDX-License-Identifier: Apache-2.0
"""Softmax: the tables and constants of the algorithm that the profile names."""

from fractions import Fraction
from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.interpolated_softmax import (
    lower_interpolated_softmax,
)
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics import functions
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.derive import exponent_scaling
from intaglio.numerics.profile.methods import (
    FixedPointL2NormalizationMethod,
    FixedPointLogSoftmaxMethod,
    FixedPointSoftmaxMethod,
    Float32TableSoftmaxMethod,
    IntegerTableSoftmaxMethod,
    InterpolatedSoftmaxMethod,
)
from intaglio.numerics.rounding import Rounding, round_fraction

_ORT_TABLE_SCALE = 0x7FFFFF


def lower_softmax(state: Lowering, node: Node, op: scaled.Softmax) -> str:
    """One softmax op, or several for 16-bit codes; ``beta`` joins the operand's scale."""
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    rule = state.profile.first(state.profile.softmax, "softmax", source_element, element)
    algorithm: fixed.SoftmaxAlgorithm
    match rule.method:
        case FixedPointSoftmaxMethod():
            algorithm = _fixed_point(state, node, op, source, target, element)
        case IntegerTableSoftmaxMethod():
            algorithm = _integer_table(rule.method, op, source, source_element, target, element)
        case Float32TableSoftmaxMethod():
            algorithm = _float32_table(rule.method, op, source, source_element, target, element)
        case InterpolatedSoftmaxMethod():
            return lower_interpolated_softmax(state, node, op, rule.method, source, target)
        case FixedPointL2NormalizationMethod() | FixedPointLogSoftmaxMethod():
            raise state.refusal(node, "a rule for another op", "a softmax method")
        case _:
            assert_never(rule.method)
    operand = state.operand(node.operands[0])
    return state.emit(node, fixed.Softmax(algorithm, op.axis), [operand], element)


def _fixed_point(
    state: Lowering,
    node: Node,
    op: scaled.Softmax,
    source: Quantization,
    target: Quantization,
    element: IntType,
) -> fixed.FixedPointSoftmax:
    """TFLite PreprocessSoftmaxScaling with 5 integer bits."""
    unit = Fraction(1, 1 << min(element.bits, 16))
    # TFLM takes a scale of 16 bits that is off by a thousandth, and uses 1/65536 all the same.
    room = unit / 1000 if element.bits == 16 else 0
    off = abs(target.scale.fraction - unit)
    if element.bits not in (8, 16) or off > room or target.zero_point != element.minimum:
        raise state.refusal(
            node,
            f"its result has scale {target.scale} and zero point {target.zero_point}",
            f"{unit} and {element.minimum}, which the fixed-point softmax produces",
        )
    multiplier, left_shift, minimum = exponent_scaling(op.beta.value * source.scale.value)
    return fixed.FixedPointSoftmax(
        multiplier, left_shift, minimum, element.minimum, element.maximum, element.bits
    )


def _differences(element: IntType) -> range:
    return range(element.maximum - element.minimum + 1)


def _integer_table(
    method: IntegerTableSoftmaxMethod,
    op: scaled.Softmax,
    source: Quantization,
    source_element: IntType,
    target: Quantization,
    element: IntType,
) -> fixed.IntegerTableSoftmax:
    step = source.scale.fraction * op.beta.fraction
    unit = Fraction(1, 1 << method.fraction_bits)
    table: list[int] = []
    for difference in _differences(source_element):
        entry = functions.exponential(-difference * step).rounded_to_integer(
            unit, Rounding.HALF_EVEN
        )
        if entry == 0:
            break
        table.append(entry)
    inverse = 1 / target.scale.fraction
    return fixed.IntegerTableSoftmax(
        tuple(table),
        inverse.numerator,
        inverse.denominator,
        method.rounding,
        target.zero_point,
        element.minimum,
        element.maximum,
    )


def _float32_table(
    method: Float32TableSoftmaxMethod,
    op: scaled.Softmax,
    source: Quantization,
    source_element: IntType,
    target: Quantization,
    element: IntType,
) -> fixed.Float32TableSoftmax:
    """ONNX Runtime scales its table by 2**23 - 1 and the numerator by floor(1 / s_out)."""
    step = source.scale.fraction * op.beta.fraction
    if method.reciprocal_output_scale:
        scale = _ORT_TABLE_SCALE
        factor = Float32.from_fraction(
            Fraction(round_fraction(1 / target.scale.fraction, Rounding.FLOOR))
        )
        normalization = fixed.SoftmaxNormalization.SCALED_NUMERATOR
    else:
        scale = 1
        factor = target.scale
        normalization = fixed.SoftmaxNormalization.RECIPROCAL_SUM
    table = tuple(
        functions.exponential(-difference * step).decide(
            lambda value: Float32.from_fraction(value * scale)
        )
        for difference in _differences(source_element)
    )
    return fixed.Float32TableSoftmax(
        table,
        factor,
        normalization,
        method.rounding,
        target.zero_point,
        element.minimum,
        element.maximum,
    )
