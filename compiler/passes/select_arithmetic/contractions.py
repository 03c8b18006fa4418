# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products: an accumulator, then a requantizer for each output channel."""

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import assert_never

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Constant, Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds, cuts_codes
from intaglio.compiler.passes.select_arithmetic.float_biases import emit_rounded, float_bias
from intaglio.compiler.passes.select_arithmetic.state import Lowering, RequantizerRequest
from intaglio.errors import InvalidOption
from intaglio.numerics import float32
from intaglio.numerics.accumulator import Accumulator, ProductTruncation
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import ContractionRule
from intaglio.numerics.profile.derive import real_multiplier, with_shared_shift
from intaglio.numerics.profile.places import place_of
from intaglio.numerics.profile.real_sums import MOST_STEPS, RealSum, steps_of
from intaglio.numerics.profile.rules import FloatBias, Granularity
from intaglio.numerics.profile.schemes import MultiplyAddShiftScheme, RationalScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding

Contraction = scaled.Conv2d | scaled.ConvTranspose2d | scaled.FullyConnected | scaled.MatMul

_INT32 = IntType(32, signed=True)

_KINDS = {
    scaled.Conv2d: "conv2d",
    scaled.ConvTranspose2d: "conv_transpose2d",
    scaled.FullyConnected: "fully_connected",
    scaled.MatMul: "mat_mul",
}


def lower_contraction(state: Lowering, node: Node, op: Contraction) -> str:
    """Σ (x - zx)(w - zw) + b in the rule's accumulator, then the rule's requantizers."""
    x, x_element = state.activation(node, node.operands[0])
    weights = state.source.type_of(node.operands[1]).scaled
    _require_channel_axis(state, node, op, weights)
    if _gives_sums(state, node, op, x.scale, weights):
        return _sums(state, node, op, x.zero_point, weights.zero_points)
    per_channel = Granularity.PER_TENSOR if weights.per_tensor else Granularity.PER_CHANNEL
    kind, element = _kind(state, node, op), state.result(node)[1]
    rule = state.profile.first(
        state.profile.contraction,
        kind,
        x_element,
        element,
        per_channel,
        state.source.type_of(node.operands[1]).integer,
        _bias_type(state, node),
        cuts_codes(op.activation, *state.result(node)),
    )
    real_bias = float_bias(state, node)
    if len(node.operands) > 2 and real_bias is None:
        _require_bias(state, node, rule, x.scale, weights)
    accumulator = Accumulator(
        IntType(rule.accumulator_bits, signed=True),
        rule.overflow,
        rule.order,
        rule.truncation,
        rule.partial_sums,
    )
    _require_products(state, node, rule)
    exact_bias = real_bias if rule.float_bias is FloatBias.EXACT else None
    operands = [state.operand(name) for name in node.operands[: 2 if real_bias else 3]]
    if real_bias is not None and exact_bias is None:
        operands.append(emit_rounded(state, node, rule, real_bias, x.scale, weights))
    if rule.truncation is not None and len(operands) > 2:
        operands[2] = _truncated_bias(state, node, operands[2], rule.truncation)
    accumulated = state.emit(
        node,
        _accumulate(op, accumulator, x.zero_point, weights.zero_points),
        operands,
        accumulator.type,
        suffix="accumulator",
    )
    if accumulator.plain and _is_accumulator(state, node, op, accumulated):
        exact = Accumulator(element)
        sum = _accumulate(op, exact, x.zero_point, weights.zero_points)
        return state.emit(node, sum, operands, element)
    requantizers = _requantizers(state, node, op, rule, accumulated, exact_bias)
    return state.emit(node, fixed.Requantize(requantizers), [accumulated], element)


def _bias_type(state: Lowering, node: Node) -> IntType | None:
    """The element type of a bias of codes; None where there is none."""
    if len(node.operands) < 3:
        return None
    element = state.source.type_of(node.operands[2]).element
    return element if isinstance(element, IntType) else None


def _gives_sums(
    state: Lowering, node: Node, op: Contraction, x_scale: Float32, weights: Quantization
) -> bool:
    """Whether the result is the bare sum of the products: int32 in their own scale."""
    output, element = state.result(node)
    products = {float32.multiply(x_scale, scale) for scale in weights.scales}
    bare = element == _INT32 and output.zero_point == 0 and products == {output.scale}
    return bare and len(node.operands) == 2 and op.activation == scaled.UNBOUNDED


def _sums(
    state: Lowering, node: Node, op: Contraction, input_zero: int, weight_zeros: tuple[int, ...]
) -> str:
    """ONNX ConvInteger, MatMulInteger: sums modulo 2**32, whatever the profile."""
    operands = [state.operand(name) for name in node.operands]
    accumulated = _accumulate(op, Accumulator(_INT32), input_zero, weight_zeros)
    return state.emit(node, accumulated, operands, _INT32)


def _is_accumulator(state: Lowering, node: Node, op: Contraction, accumulated: str) -> bool:
    """Whether the result is the exact sum of products, held by its type and the accumulator's."""
    output, element = state.result(node)
    x, weights = (state.source.type_of(name).scaled for name in node.operands[:2])
    if len(node.operands) > 2 or op.activation != scaled.UNBOUNDED or not weights.per_tensor:
        return False
    if output.zero_point or output.scale.fraction != x.scale.fraction * weights.scale.fraction:
        return False
    word = state.builder.type_of(accumulated).integer.interval
    return element.signed and all(
        word.contains(each.partial) and element.interval.contains(each.total)
        for each in _ranges(state, accumulated)
    )


def _kind(state: Lowering, node: Node, op: Contraction) -> str:
    if isinstance(op, scaled.Conv2d | scaled.FullyConnected) and op.recurrent:
        return f"recurrent_{_KINDS[type(op)]}"
    if isinstance(op, scaled.Conv2d) and op.groups > 1:
        channels = state.source.type_of(node.operands[0]).shape[3]
        return "depthwise_conv2d" if op.groups == channels else "conv2d"
    return _KINDS[type(op)]


def _accumulate(
    op: Contraction, accumulator: Accumulator, input_zero: int, weight_zeros: tuple[int, ...]
) -> fixed.Op:
    match op:
        case scaled.Conv2d():
            return fixed.Conv2d(
                accumulator,
                op.strides,
                op.pads,
                op.dilations,
                op.groups,
                input_zero,
                weight_zeros,
                pad_value=input_zero,
            )
        case scaled.ConvTranspose2d():
            return fixed.ConvTranspose2d(
                accumulator,
                op.strides,
                op.pads,
                op.dilations,
                op.groups,
                input_zero,
                weight_zeros,
            )
        case scaled.FullyConnected() | scaled.MatMul():
            return fixed.MatMul(accumulator, input_zero, weight_zeros)
        case _:
            assert_never(op)


def _requantizers(
    state: Lowering,
    node: Node,
    op: Contraction,
    rule: ContractionRule,
    accumulated: str,
    bias: Constant | None,
) -> tuple[Requantizer, ...]:
    x, _ = state.activation(node, node.operands[0])
    weights = state.source.type_of(node.operands[1]).scaled
    output, element = state.result(node)
    bounds = code_bounds(state.profile.bound, op.activation, output, element)
    count = max(len(weights.scales), len(bounds), 0 if bias is None else bias.type.size)
    reachable = _reachable(state, accumulated)
    channels = node.type.shape[-1]
    if rule.lanes is not None:
        count = channels
    found: list[Requantizer] = []
    wanted: list[RequantizerRequest] = []
    for channel in range(count):
        scale, _ = weights.channel(channel)
        low, high = bounds[channel if len(bounds) > 1 else 0]
        real = real_multiplier(rule.rescale.product, x.scale, output.scale, scale)
        if rule.truncation is not None:
            real *= 1 << rule.truncation.dropped_bits
        within = reachable[channel if len(reachable) > 1 else 0]
        if count == 1:
            # One requantizer takes the sums of every channel.
            within = reduce(Interval.__or__, reachable)
        if bias is not None:
            addend = Fraction(float(bias.array.ravel()[channel])) / output.scale.fraction
            rounding = _exact_rounding(state, node, rule, (low, high))
            total = RealSum(real, addend, rounding, output.zero_point, low, high)
            found.append(Requantizer(steps_of(total, within), low, low, high))
            continue
        scheme = rule.rescale.scheme
        if rule.lanes is not None:
            scheme = rule.lanes.scheme_of(channel, channels, scheme)
        wanted.append(RequantizerRequest(scheme, real, within, output.zero_point, (low, high)))
    return (*found, *state.requantizers(node, _sharing(state, node, wanted), element))


def _sharing(
    state: Lowering, node: Node, wanted: list[RequantizerRequest]
) -> list[RequantizerRequest]:
    """The same, at one shift where the machine has one for all channels."""
    sharing = [
        (each.scheme, (each.real, each.accumulator))
        for each in wanted
        if isinstance(each.scheme, MultiplyAddShiftScheme) and each.scheme.shared_shift
    ]
    if not sharing:
        return wanted
    scheme = sharing[0][0]
    try:
        shared = with_shared_shift(scheme, [each for _, each in sharing])
    except InvalidOption as error:
        raise state.scale_refusal(node, scheme, error) from None
    return [replace(each, scheme=shared) if each.scheme == scheme else each for each in wanted]


def _require_products(state: Lowering, node: Node, rule: ContractionRule) -> None:
    """Every product of the operands without their zero points has to fit its register."""
    if not rule.product_bits:
        return
    factors: list[Interval] = []
    for name in node.operands[:2]:
        type = state.source.type_of(name)
        points = type.scaled.zero_points
        factors.append(type.integer.interval - Interval(min(points), max(points)))
    products = factors[0] * factors[1]
    if products.signed_bits > rule.product_bits:
        raise state.refusal(
            node,
            f"its products lie within {products}, and {_place(state, rule)}.product_bits is "
            f"{rule.product_bits}",
            f"{products.signed_bits}, or narrower codes",
        )


def _place(state: Lowering, rule: ContractionRule) -> str:
    return place_of(state.profile, rule)


def _truncated_bias(state: Lowering, node: Node, name: str, truncation: ProductTruncation) -> str:
    """The bias in the scale of truncated products."""
    bias = state.builder.definitions[name]
    assert isinstance(bias, Constant)
    codes = [truncation.apply(int(code)) for code in bias.array]
    return state.builder.constant(
        f"{node.name}.truncated_bias", bias.type, np.array(codes, bias.array.dtype), bias.source
    )


def _exact_rounding(
    state: Lowering, node: Node, rule: ContractionRule, bounds: tuple[int, int]
) -> Rounding:
    """How a sum with a bias in the real numbers is rounded, where the profile knows such sums."""
    scheme = rule.rescale.scheme
    if not isinstance(scheme, RationalScheme):
        raise state.refusal(node, "its bias is in float32", "a bias of codes under this profile")
    low, high = bounds
    if high - low > MOST_STEPS:
        found = f"its bias is in float32, and its result has {high - low + 1} codes"
        raise state.refusal(node, found, "a bias of codes, or a result of at most 8 bits")
    return scheme.rounding


def _reachable(state: Lowering, accumulated: str) -> tuple[Interval, ...]:
    """What each channel of the accumulator can hold, over all codes of its operands."""
    word = state.builder.type_of(accumulated).integer.interval
    # A sum that the word can't hold wraps or saturates, to any of its values.
    return tuple(
        each.total if word.contains(each.total) else word for each in _ranges(state, accumulated)
    )


def _ranges(state: Lowering, accumulated: str) -> tuple[ChannelRange, ...]:
    """The sums of each channel, over all codes of the operands."""
    definitions = state.builder.definitions
    node = definitions[accumulated]
    assert isinstance(node, Node)
    assert isinstance(node.op, AccumulateOp)
    operands = {name: definitions[name].type.integer.interval for name in node.operands}
    return tuple(channel_ranges(definitions, node, node.op, operands))


def _require_channel_axis(
    state: Lowering, node: Node, op: Contraction, weights: Quantization
) -> None:
    convolution = isinstance(op, (scaled.Conv2d, scaled.ConvTranspose2d))
    axis = 0 if convolution else state.source.type_of(node.operands[1]).rank - 1
    if not weights.per_tensor and weights.axis != axis:
        raise state.refusal(
            node,
            f"its weights have a scale for each index of axis {weights.axis}",
            "a scale for each output channel",
        )


def _require_bias(
    state: Lowering, node: Node, rule: ContractionRule, x_scale: Float32, weights: Quantization
) -> None:
    """The bias has to be in the accumulator's scale, s_x * s_w, to be added as it stands."""
    bias = state.constant_operand(node, 2)
    word = IntType(rule.bias_bits, signed=True)
    codes = bias.array
    if codes.size and not (word.contains(int(np.min(codes))) and word.contains(int(np.max(codes)))):
        needed = Interval(int(np.min(codes)), int(np.max(codes))).signed_bits
        raise state.refusal(
            node,
            f"its bias needs {needed} bits, and {_place(state, rule)}.bias_bits is "
            f"{rule.bias_bits}",
            f"{needed}, or smaller biases",
        )
    for channel in range(max(len(weights.scales), len(bias.type.scaled.scales))):
        scale, zero_point = bias.type.scaled.channel(channel)
        expected = float32.multiply(x_scale, weights.channel(channel)[0])
        # Files carry the product as float32 or as a rounded double: one part in 2**20 apart.
        if abs(scale.fraction - expected.fraction) * (1 << 20) > expected.fraction:
            raise state.refusal(
                node,
                f"its bias has the scale {scale} in channel {channel}",
                f"{expected}, the product of the scales of input and weights",
            )
        if zero_point != 0:
            raise state.refusal(node, f"its bias has the zero point {zero_point}", "0")
