# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of two operands: sums, products, minimum, maximum, squared difference."""

from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds, cuts_codes
from intaglio.compiler.passes.select_arithmetic.operand_rescaling import lower_rescaled_operands
from intaglio.compiler.passes.select_arithmetic.pair_operands import PairOperands, centred_codes
from intaglio.compiler.passes.select_arithmetic.rescaling import Bounds
from intaglio.compiler.passes.select_arithmetic.shared_shift import SharedShift, shared_shift
from intaglio.compiler.passes.select_arithmetic.squared_difference import lower_squared_difference
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics import float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.multipliers import quantize_multiplier
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    PairFunction,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.methods import (
    DequantizedMethod,
    FusedMultiplyAddMethod,
    OperandRescaleMethod,
    OperandShift,
    ProductMethod,
    RescaledSumMethod,
    SaturatingSumMethod,
    SharedShiftMethod,
    SquaredDifferenceMethod,
)
from intaglio.numerics.profile.schemes import DoubleRoundingScheme, ScaleProduct
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Scaling,
)

Pair = (
    scaled.Add
    | scaled.Subtract
    | scaled.Multiply
    | scaled.Minimum
    | scaled.Maximum
    | scaled.SquaredDifference
)

_FUNCTIONS = {
    scaled.Add: PairFunction.ADD,
    scaled.Subtract: PairFunction.SUBTRACT,
    scaled.Multiply: PairFunction.MULTIPLY,
    scaled.Minimum: PairFunction.MINIMUM,
    scaled.Maximum: PairFunction.MAXIMUM,
    scaled.SquaredDifference: PairFunction.SQUARED_DIFFERENCE,
}
_SUMS = {PairFunction.ADD, PairFunction.SUBTRACT}
_SERVED: dict[type[object], set[PairFunction]] = {
    RescaledSumMethod: _SUMS,
    SharedShiftMethod: _SUMS,
    FusedMultiplyAddMethod: {PairFunction.ADD},
    OperandRescaleMethod: {*_SUMS, PairFunction.MINIMUM, PairFunction.MAXIMUM},
    ProductMethod: {PairFunction.MULTIPLY},
    SaturatingSumMethod: {PairFunction.ADD},
    SquaredDifferenceMethod: {PairFunction.SQUARED_DIFFERENCE},
    DequantizedMethod: set(PairFunction),
}


def lower_pair(state: Lowering, node: Node, op: Pair) -> str:
    """One op on two operands by the method of the rule that applies."""
    left, left_element = state.activation(node, node.operands[0])
    right, right_element = state.activation(node, node.operands[1])
    output, element = state.result(node)
    function = _FUNCTIONS[type(op)]
    bounds = _bounds(state, op, output, element)
    low, high = bounds[0] if len(bounds) == 1 else (element.minimum, element.maximum)
    pair = PairOperands(
        node, function, left, left_element, right, right_element, output, element, low, high
    )
    recurrent = isinstance(op, scaled.Add | scaled.Multiply) and op.recurrent
    kind = f"recurrent_{function.value}" if recurrent else function.value
    clip = getattr(op, "activation", scaled.UNBOUNDED)
    rule = state.profile.first(
        state.profile.pair,
        kind,
        left_element,
        element,
        weights=right_element,
        clipped=cuts_codes(clip, output, element),
    )
    if function not in _SERVED[type(rule.method)]:
        found = f"the profile's {type(rule.method).__name__} for {function.value}"
        raise state.refusal(node, found, "a rule of another kind for it")
    match rule.method:
        case RescaledSumMethod():
            name = _pairwise(state, pair, _rescaled_sum(state, pair, rule.method))
        case SharedShiftMethod():
            scales = left.scale, right.scale, output.scale
            shared = shared_shift(state, node, rule.method, *scales)
            name = _pairwise(state, pair, _shared_shift_sum(pair, rule.method, shared))
        case FusedMultiplyAddMethod():
            name = _fused(state, pair)
        case DequantizedMethod():
            name = _pairwise(state, pair, _dequantized(pair, state.profile.quantize.method))
        case OperandRescaleMethod():
            name = lower_rescaled_operands(state, pair, rule.method)
        case SaturatingSumMethod():
            name = _saturating_sum(state, pair, rule.method)
        case ProductMethod():
            name = _product(state, pair, rule.method)
        case SquaredDifferenceMethod():
            name = lower_squared_difference(state, node, rule.method, (left, right), output)
        case _:
            assert_never(rule.method)
    if len(bounds) == 1:
        return name
    clamp = fixed.Clamp(tuple(low for low, _ in bounds), tuple(high for _, high in bounds))
    return state.emit(node, clamp, [name], element)


def _bounds(state: Lowering, op: Pair, output: Quantization, element: IntType) -> Bounds:
    clip = getattr(op, "activation", scaled.UNBOUNDED)
    return code_bounds(state.profile.bound, clip, output, element)


def _pairwise(state: Lowering, pair: PairOperands, arithmetic: PairArithmetic) -> str:
    operands = [state.operand(name) for name in pair.node.operands]
    return state.emit(pair.node, fixed.Pairwise(arithmetic), operands, pair.element)


def _rescaled_sum(state: Lowering, pair: PairOperands, method: RescaledSumMethod) -> RescaledSum:
    """TFLite: t = 2 max(s1, s2); s1 / t, s2 / t and t / (2**shift * s_out), each a double."""
    larger = max(pair.left.scale, pair.right.scale, key=lambda scale: scale.fraction)
    twice = float32.multiply(larger, float32.from_integer(2))
    output_scale = float32.multiply(pair.output.scale, float32.from_integer(1 << method.left_shift))
    reals = (
        real_multiplier(ScaleProduct.DOUBLE, pair.left.scale, twice),
        real_multiplier(ScaleProduct.DOUBLE, pair.right.scale, twice),
        real_multiplier(ScaleProduct.DOUBLE, twice, output_scale),
    )
    left_operand = centred_codes(pair.left_element, pair.left).scale_by(1 << method.left_shift)
    right_operand = centred_codes(pair.right_element, pair.right).scale_by(1 << method.left_shift)
    shift = method.left_shift
    match method.operand_shift:
        case OperandShift.ROUND:
            scheme = method.operand_scheme or method.scheme
            left = state.scaling(pair.node, scheme, reals[0], left_operand)
            right = state.scaling(pair.node, scheme, reals[1], right_operand)
        case OperandShift.FLOOR:
            floor = DoubleRoundingScheme(Rounding.FLOOR)
            left = state.scaling(pair.node, floor, reals[0], left_operand)
            right = state.scaling(pair.node, floor, reals[1], right_operand)
        case OperandShift.JOIN:
            left = _joined(state, pair, reals[0], shift, pair.left_element, pair.left)
            right = _joined(state, pair, reals[1], shift, pair.right_element, pair.right)
            shift = 0
        case _:
            assert_never(method.operand_shift)
    bounds = (pair.low, pair.high)
    output = state.requantizer(
        pair.node,
        method.scheme,
        reals[2],
        left_operand + right_operand,
        pair.output.zero_point,
        bounds,
        pair.element,
    )
    return RescaledSum(
        pair.left.zero_point,
        pair.right.zero_point,
        shift,
        left,
        right,
        output,
        subtract=pair.function is PairFunction.SUBTRACT,
    )


def _joined(
    state: Lowering,
    pair: PairOperands,
    real: Fraction,
    left_shift: int,
    element: IntType,
    quantization: Quantization,
) -> Scaling:
    """The multiplier of ``real`` with ``left_shift`` in its exponent."""
    multiplier, shift = quantize_multiplier(float(real))
    chosen = DoubleRounding(multiplier, shift + left_shift, Rounding.HALF_AWAY_FROM_ZERO)
    return state.within_domain(pair.node, chosen, centred_codes(element, quantization))


def _shared_shift_sum(
    pair: PairOperands, method: SharedShiftMethod, shared: SharedShift
) -> SharedShiftSum:
    """Zero points join the bias; a difference negates the second multiplier."""
    left = shared.left
    right = -shared.right if pair.function is PairFunction.SUBTRACT else shared.right
    bias = -(left * pair.left.zero_point + right * pair.right.zero_point)
    return SharedShiftSum(
        left,
        right,
        bias,
        shared.shift,
        method.rounding,
        pair.output.zero_point,
        pair.low,
        pair.high,
    )


def _fused(state: Lowering, pair: PairOperands) -> str:
    """ONNX Runtime turns operands around whose first is one code for a whole run of the second."""
    left, right = pair.node.operands
    shapes = (state.source.type_of(left).shape, state.source.type_of(right).shape)
    if not _first_is_repeated(*shapes):
        return _pairwise(state, pair, _fused_multiply_add_sum(pair))
    turned = replace(pair, left=pair.right, right=pair.left)
    operation = fixed.Pairwise(_fused_multiply_add_sum(turned))
    operands = [state.operand(right), state.operand(left)]
    return state.emit(pair.node, operation, operands, pair.element)


def _first_is_repeated(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Whether the first operand has one element along the last axis that isn't 1 in both."""
    count = max(min(len(left), len(right)), 1)
    ends = list(zip(((1, *left)[-count:]), ((1, *right)[-count:]), strict=True))
    deciding = next((pair for pair in reversed(ends) if max(pair) > 1), ends[0])
    return deciding[0] == 1


def _fused_multiply_add_sum(pair: PairOperands) -> FusedMultiplyAddSum:
    """Fixed = fl32(z_out - fma(r1, z1, fl32(r2 * z2))): ONNX Runtime 1.31, x86 with FMA."""
    left = float32.divide(pair.left.scale, pair.output.scale)
    right = float32.divide(pair.right.scale, pair.output.scale)
    zeros = float32.fused_multiply_add(
        left,
        float32.from_integer(pair.left.zero_point),
        float32.multiply(right, float32.from_integer(pair.right.zero_point)),
    )
    fixed_part = float32.subtract(float32.from_integer(pair.output.zero_point), zeros)
    return FusedMultiplyAddSum(left, right, fixed_part, pair.low, pair.high)


def _dequantized(pair: PairOperands, method: QuantizeMethod) -> DequantizedPair:
    return DequantizedPair(
        pair.function,
        pair.left.scale,
        pair.left.zero_point,
        pair.right.scale,
        pair.right.zero_point,
        pair.output.scale,
        pair.output.zero_point,
        pair.low,
        pair.high,
        method,
    )


def _saturating_sum(state: Lowering, pair: PairOperands, method: SaturatingSumMethod) -> str:
    """Clamp(x1 + x2), where the operands have the result's scale and no zero point."""
    quantizations = {(q.scale, q.zero_point) for q in (pair.left, pair.right, pair.output)}
    if quantizations != {(pair.output.scale, 0)}:
        raise state.refusal(
            pair.node, "operands in several scales, or with zero points", "one scale without them"
        )
    names: list[str] = []
    for index, operand in enumerate(pair.node.operands):
        name = state.operand(operand)
        type = state.builder.type_of(name)
        if method.saturate_operands and not pair.element.interval.contains(type.integer.interval):
            clamp = fixed.Clamp((pair.element.minimum,), (pair.element.maximum,))
            suffix = ("left", "right")[index]
            name = state.emit(pair.node, clamp, [name], pair.element, type.shape, suffix)
        names.append(name)
    left, right = (state.builder.type_of(name).integer.interval for name in names)
    element = (left + right).smallest_type()
    summed = state.emit(pair.node, fixed.Add(), names, element, suffix="sum")
    return state.emit(pair.node, fixed.Clamp((pair.low,), (pair.high,)), [summed], pair.element)


def _product(state: Lowering, pair: PairOperands, method: ProductMethod) -> str:
    """(x1 - z1) * (x2 - z2) exactly, then one requantizer."""
    product = centred_codes(pair.left_element, pair.left) * centred_codes(
        pair.right_element, pair.right
    )
    operands = [state.operand(name) for name in pair.node.operands]
    multiplied = state.emit(
        pair.node,
        fixed.Multiply(pair.left.zero_point, pair.right.zero_point),
        operands,
        product.smallest_type(),
        suffix="product",
    )
    rescale = method.rescale
    real = real_multiplier(rescale.product, pair.left.scale, pair.output.scale, pair.right.scale)
    zero_point, bounds = pair.output.zero_point, (pair.low, pair.high)
    chosen = state.requantizer(
        pair.node, rescale.scheme, real, product, zero_point, bounds, pair.element
    )
    if method.zero_point_inside:
        if not isinstance(chosen.scaling, Float32Multiply):
            raise state.refusal(
                pair.node, "a zero point inside the rounding", "the float32 scheme with it"
            )
        inside = Float32MultiplyAdd(chosen.scaling.factor, float32.from_integer(zero_point))
        chosen = Requantizer(inside, 0, pair.low, pair.high)
    return state.emit(pair.node, fixed.Requantize((chosen,)), [multiplied], pair.element)
