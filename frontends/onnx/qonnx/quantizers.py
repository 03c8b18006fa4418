# SPDX-License-Identifier: Apache-2.0
"""Steps that end in codes, done on constants at once and emitted for what is computed."""

from dataclasses import dataclass, replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Moved,
    Quantized,
    QuantizedConstant,
    Real,
    Stepped,
)
from intaglio.frontends.onnx.moving import permuted, set_padding, to_last
from intaglio.frontends.onnx.qonnx.stepping import (
    Origin,
    Steps,
    before,
    require_before,
    stepped,
)
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float_steps import Integers, evaluate
from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class Quantizer:
    """What makes codes of real numbers.

    Attributes:
        steps: the float32 operations that end in a code.
        element: the type of the codes.
        quantization: what they mean.
    """

    steps: Steps
    element: IntType
    quantization: Quantization


def quantized_constant(name: str, values: Array, quantizer: Quantizer) -> QuantizedConstant:
    """The codes of a float32 constant.

    Raises:
        Refusal: it isn't float32, or no code comes out.
    """
    if values.dtype != np.float32:
        raise Refusal(f"quantizes {name} of type {values.dtype}, float32 is expected")
    reals = values.astype(np.float32)
    axis = quantizer.steps.axis
    channels: Integers = np.zeros(reals.shape, np.int64)
    if axis is not None:
        channels = np.indices(reals.shape, np.int64)[axis]
    codes = evaluate(quantizer.steps.steps, reals.ravel(), channels.ravel()).reshape(reals.shape)
    element = quantizer.element
    kept = np.clip(codes, element.minimum, element.maximum).astype(element.dtype)
    return QuantizedConstant(name, kept, element, quantizer.quantization, real=True)


def real_constant(value: QuantizedConstant) -> Array:
    """fl32((code - zero point) * scale): what a Quant of a constant holds."""
    quantization = value.quantization
    along = [1] * value.array.ndim
    if quantization.axis is not None:
        along[quantization.axis] = -1
    scales = np.array([scale.value for scale in quantization.scales], np.float32)
    zeros = np.array(quantization.zero_points, np.float32)
    scales = scales.reshape(along if scales.size > 1 else ())
    zeros = zeros.reshape(along if zeros.size > 1 else ())
    return (value.array.astype(np.float32) - zeros) * scales


def quantize(emitter: Emitter, value: Real, quantizer: Quantizer, origin: Origin) -> Quantized:
    """Emit a computed value in codes; what was rearranged before is rearranged as codes.

    Raises:
        Refusal: no steps can follow the value, or its codes have a scale for each channel.
    """
    if not quantizer.quantization.per_tensor:
        raise Refusal("quantizes a computed value with a scale for each channel; use one scale")
    if isinstance(value, Moved):
        return _quantize_moved(emitter, value, quantizer, origin)
    found = stepped(emitter, value, quantizer.steps, origin)
    if not isinstance(found, Stepped):
        raise AssertionError("steps follow whatever isn't rearranged")
    return emit(emitter, found, quantizer.element, quantizer.quantization)


def _quantize_moved(
    emitter: Emitter, value: Moved, quantizer: Quantizer, origin: Origin
) -> Quantized:
    steps = quantizer.steps
    if not isinstance(value.move, scaled.Pad):
        require_before(value.move, steps, value)
    parts: list[str] = []
    for part in value.parts:
        # The real numbers in front of the move are another tensor than their codes.
        inner = replace(origin, source=origin.source if value.suffix else f"{part.source}.codes")
        own = replace(quantizer, steps=before(value.move, steps, part, value))
        parts.append(quantize(emitter, part, own, inner).name)
    element, quantization = quantizer.element, quantizer.quantization
    move = value.move
    if isinstance(move, scaled.Pad):
        move = set_padding(move, value.padding, element, quantization)
    type = TensorType(element, value.shape, quantization)
    wanted = origin.source + value.suffix
    name = emitter.rearranged(wanted, type, move, tuple(parts), value.node)
    return Quantized(name, emitter.builder.type_of(name), origin.source, real=True)


def emit(
    emitter: Emitter, value: Stepped, element: IntType, quantization: Quantization
) -> Quantized:
    """Emit steps that end in codes; an inner axis of their constants comes last meanwhile."""
    op = scaled.Float32Steps(value.steps, value.factors)
    rank, result = len(value.shape), TensorType(element, value.shape, quantization)
    if value.axis in (None, rank - 1):
        name = emitter.node(value.source, result, op, (value.operand,), value.node)
        return Quantized(name, result, value.source, real=True)
    there, back = to_last(value.axis, rank)
    turned = permuted(value.shape, there)
    given = emitter.builder.type_of(value.operand).with_shape(turned)
    move = scaled.Transpose(there)
    operand = emitter.rearranged(f"{value.operand}.last", given, move, (value.operand,), value.node)
    inner = emitter.node(
        f"{value.source}.last", result.with_shape(turned), op, (operand,), value.node
    )
    name = emitter.rearranged(value.source, result, scaled.Transpose(back), (inner,), value.node)
    return Quantized(name, result, value.source, real=True)
