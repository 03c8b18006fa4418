# SPDX-License-Identifier: Apache-2.0
"""A QuantizeLinear reached: emit the computation that waited for it, in the codes it asks for."""

from dataclasses import dataclass, replace
from typing import assert_never

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.onnx.bounds import (
    NO_BOUNDS,
    Bounds,
    narrowed,
    on_grid,
    without_redundant,
)
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Moved,
    Quantized,
    QuantizedConstant,
    Real,
    Stepped,
    Tail,
)
from intaglio.frontends.onnx.moving import (
    channel_axis_before,
    permuted,
    set_padding,
    to_last,
)
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.integers import IntType

_Elementwise = scaled.Add | scaled.Subtract | scaled.Multiply | scaled.Unary | scaled.Requantize


@dataclass(frozen=True, slots=True)
class Target:
    """The codes that a QuantizeLinear asks for.

    Attributes:
        storage: the ONNX type of the codes.
        element: the codes that really occur.
        quantization: scale and zero point, per tensor.
        node: the QuantizeLinear, for the graph.
    """

    storage: IntType
    element: IntType
    quantization: Quantization
    node: str

    def type(self, shape: tuple[int, ...]) -> TensorType:
        """The type of a tensor of these codes."""
        return TensorType(self.element, shape, self.quantization)


def quantize(
    emitter: Emitter, value: Real, target: Target, wanted: str = "", bounds: Bounds = NO_BOUNDS
) -> str:
    """Emit ``value`` within ``bounds`` in the codes of ``target``; the name of the result.

    Rounding is monotone and goes element by element: it may be done before elements are merely
    moved or the largest of them is taken.

    Args:
        emitter: the graph under construction.
        value: what to quantize.
        target: the codes.
        wanted: what to call the result instead of the name of its own tensor.
        bounds: applied to the real value first.

    Raises:
        Refusal: a clip in front can be neither fused nor proved to change no code.
    """
    match value:
        case Clipped():
            both = value.bounds.then(bounds)
            return quantize(emitter, value.value, target, wanted or value.source, both)
        case Moved():
            return _quantize_moved(emitter, value, target, wanted, bounds)
        case QuantizedConstant():
            return quantize(emitter, emitter.constant(value), target, wanted, bounds)
        case Quantized():
            return _requantize(emitter, value, target, wanted, bounds)
        case Computed():
            return _quantize_computed(emitter, value, target, wanted or value.source, bounds)
        case FloatInput():
            computed = Computed(
                scaled.Quantize(), (value.name,), value.shape, value.source, target.node, ""
            )
            return _quantize_computed(emitter, computed, target, wanted or value.source, bounds)
        case Stepped() | Tail():
            raise Refusal(
                f"quantizes the float result of {value.label}; put a Quant there as elsewhere"
            )
    assert_never(value)


def _quantize_moved(
    emitter: Emitter, value: Moved, target: Target, wanted: str, bounds: Bounds
) -> str:
    own = wanted or value.source
    # A restored layout is the same tensor: the value in front of it takes the name.
    inner = own if value.suffix else ""
    parts = tuple(
        quantize(emitter, part, target, inner, channel_axis_before(value.move, bounds, part, value))
        for part in value.parts
    )
    padding = bounds.apply(value.padding) if bounds.scalar else value.padding
    move = set_padding(value.move, padding, target.element, target.quantization)
    return emitter.rearranged(own + value.suffix, target.type(value.shape), move, parts, value.node)


def _requantize(
    emitter: Emitter, value: Quantized, target: Target, wanted: str, bounds: Bounds
) -> str:
    if not value.type.scaled.per_tensor:
        raise Refusal(f"quantizes {value.source} again, which has a scale for each channel")
    result = target.type(value.shape)
    if value.type != result:
        bounds = narrowed(bounds, target.storage, target.element, target.quantization)
    bounds = without_redundant(bounds, value.type.integer, value.type.scaled)
    if value.type == result and not bounds:
        return value.name
    wanted = wanted or value.source
    return _elementwise(
        emitter, scaled.Requantize(), (value.name,), bounds, target, wanted, value.shape
    )


def _quantize_computed(
    emitter: Emitter, value: Computed, target: Target, wanted: str, bounds: Bounds
) -> str:
    bounds = narrowed(bounds, target.storage, target.element, target.quantization)
    result = target.type(value.shape)
    match value.op:
        case (scaled.Add() | scaled.Subtract() | scaled.Multiply() | scaled.Unary()) as op:
            return _elementwise(
                emitter, op, value.operands, bounds, target, wanted, value.shape, value.node
            )
        case (
            scaled.Conv2d()
            | scaled.ConvTranspose2d()
            | scaled.FullyConnected()
            | scaled.MatMul()
            | scaled.AveragePool2d()
            | scaled.ReduceMean()
        ) as op:
            if bounds.axis not in (None, len(value.shape) - 1):
                raise Refusal("clips by channel along an axis that isn't that of the channels")
            fused = replace(op, activation=bounds.clip())
            return emitter.node(wanted, result, fused, value.operands, value.node)
        case _:
            return _clip_after(emitter, value, target, wanted, bounds)


def _clip_after(
    emitter: Emitter, value: Computed, target: Target, wanted: str, bounds: Bounds
) -> str:
    """An op without an activation: clip its codes, which is exact if the bounds are codes."""
    element, quantization = target.element, target.quantization
    bounds = without_redundant(bounds, element, quantization)
    result = target.type(value.shape)
    if not bounds:
        return emitter.node(wanted, result, value.op, value.operands, value.node)
    if not on_grid(bounds, element, quantization):
        where = value.label or f"input {value.source}"
        raise Refusal(
            f"clips the result of {where} at a number that no code stands for; "
            f"quantize the output of {where}"
        )
    unclipped = emitter.node(wanted, result, value.op, value.operands, value.node)
    return _elementwise(
        emitter, scaled.Requantize(), (unclipped,), bounds, target, wanted, value.shape
    )


def _elementwise(
    emitter: Emitter,
    op: _Elementwise,
    operands: tuple[str, ...],
    bounds: Bounds,
    target: Target,
    wanted: str,
    shape: tuple[int, ...],
    source: str = "",
) -> str:
    """An elementwise op; bounds by channel of an inner axis need that axis last meanwhile."""
    source = source or target.node
    fused = replace(op, activation=bounds.clip())
    rank = len(shape)
    if bounds.axis in (None, rank - 1):
        return emitter.node(wanted, target.type(shape), fused, operands, source)
    there, back = to_last(bounds.axis, rank)
    turned: list[str] = []
    for operand in operands:
        type = emitter.builder.type_of(operand)
        if type.rank != rank:
            raise Refusal("clips by channel the result of operands of different ranks")
        moved = type.with_shape(permuted(type.shape, there))
        move = scaled.Transpose(there)
        turned.append(emitter.rearranged(f"{operand}.last", moved, move, (operand,), source))
    inner = target.type(permuted(shape, there))
    clipped = emitter.node(wanted, inner, fused, tuple(turned), source)
    return emitter.rearranged(
        f"{wanted}.back", target.type(shape), scaled.Transpose(back), (clipped,), source
    )
