# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear and DequantizeLinear: where real numbers and codes meet."""

from dataclasses import replace

import onnx_ir as ir

from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.bounds import narrowed
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Meaning,
    Quantized,
    QuantizedConstant,
    Real,
    Shape,
    Static,
    Unknown,
)
from intaglio.frontends.onnx.parameters import (
    integer_type,
    marked_width,
    quantization,
    quantized,
    storage_type,
    true_type,
    within,
)
from intaglio.frontends.onnx.quantizing import Target, quantize
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.integers import IntType


def quantize_linear(site: Site) -> Meaning:
    """QuantizeLinear: emit what waited, or quantize a constant as the standard says."""
    target = quantize_target(site)
    value = site.operand(0)
    if isinstance(value, Static):
        shape = value.shape
        parameters = _parameters(site, shape, target.storage)
        codes = quantized(value.array, target.element, target.storage, parameters)
        return QuantizedConstant(value.name, codes, target.element, parameters, real=False)
    value = site.real(0)
    tensor = _tensor(value, target)
    wanted = site.source if isinstance(value, Quantized) else tensor
    name = quantize(site.emitter, value, target, wanted)
    return Quantized(name, site.emitter.builder.type_of(name), tensor, real=False)


def _tensor(value: Real, target: Target) -> str:
    """The tensor that codes stand for, not the Clip that keeps them within an unusual width."""
    if not isinstance(value, Clipped) or target.storage == target.element:
        return value.source
    kept = narrowed(value.bounds, target.storage, target.element, target.quantization)
    return value.source if kept else value.value.source


def quantize_target(site: Site) -> Target:
    """The codes that a QuantizeLinear of a computed value asks for; of a constant, their types.

    Raises:
        Refusal: types, scale or zero point aren't those of a quantized model.
    """
    _refuse_blocks(site)
    storage = _storage_of_quantize(site)
    result = site.node.outputs[0]
    if storage.bits > 16:
        raise Refusal(f"quantizes to {storage}; at most 16 bits are expected")
    width = marked_width(result.metadata_props, site.node.metadata_props)
    element = true_type(storage, width)
    value = site.operand(0)
    if isinstance(value, Static):
        return Target(storage, element, Quantization(()), site.name)
    shape = value.shape
    if shape is None:
        raise Refusal("the shape of what it quantizes is not known")
    parameters = _parameters(site, shape, element)
    if not parameters.per_tensor:
        raise Refusal("quantizes a computed value with a scale for each channel; use one scale")
    return Target(storage, element, parameters, site.name)


def dequantize_linear(site: Site) -> Meaning:
    """DequantizeLinear: the same value, now seen as real numbers."""
    _refuse_blocks(site)
    value = site.operand(0)
    match value:
        case Static():
            storage = storage_type(value.element)
            element = true_type(storage, value.width)
            codes = within(value.array, element)
            parameters = _parameters(site, value.shape, element)
            return QuantizedConstant(value.name, codes, element, parameters, real=True)
        case QuantizedConstant(real=False) | Quantized(real=False):
            known = value.type
            if known.scaled != _parameters(site, known.shape, known.integer):
                raise Refusal("its scale or zero point isn't that with which its codes were made")
            return replace(value, real=True)
        case Unknown():
            raise AssertionError("a node is not read when an operand was refused")
        case _:
            raise Refusal("dequantizes real numbers; codes are expected")


def parameters_of_input(site: Site, shape: Shape, element: IntType) -> Quantization:
    """What a DequantizeLinear says about an input of the model that holds codes."""
    return _parameters(site, shape, element)


def _parameters(site: Site, shape: Shape, element: IntType) -> Quantization:
    zero_point = site.static(2) if site.has(2) else None
    given = site.operands[2] if site.has(2) else None
    if isinstance(given, Static) and integer_type(given.element) is None:
        raise Refusal(f"its zero point is of type {given.element.name}; that of codes is expected")
    return quantization(site.static(1), zero_point, site.integer("axis", 1), shape, element)


def _storage_of_quantize(site: Site) -> IntType:
    zero_point = site.operands[2] if site.has(2) else None
    if isinstance(zero_point, Static):
        return storage_type(zero_point.element)
    wanted = site.integer("output_dtype", 0) or ir.DataType.UINT8
    if wanted not in list(ir.DataType):
        raise Refusal(f"output_dtype is {wanted}, which is no type")
    return storage_type(ir.DataType(wanted))


def _refuse_blocks(site: Site) -> None:
    if site.integer("block_size", 0):
        raise Refusal("has a scale for each block; one for the tensor or an axis is expected")
    result = site.node.outputs[0].dtype
    if result not in (None, ir.DataType.FLOAT) and integer_type(result) is None:
        raise Refusal(f"its result is of type {result.name}, float32 or codes are expected")
