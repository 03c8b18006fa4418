# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear and DequantizeLinear: where real numbers and codes meet."""

from dataclasses import replace

import onnx_ir as ir

from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import require
from intaglio.frontends.onnx.blocked_constants import in_one_scale
from intaglio.frontends.onnx.blocks import Grid, grid_by_axis, grid_by_block, piece_by_piece
from intaglio.frontends.onnx.bounds import narrowed
from intaglio.frontends.onnx.codes import PLAIN, as_read, stored_codes
from intaglio.frontends.onnx.expectations import constant, float32_precision
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
)
from intaglio.frontends.onnx.quantizing import Target, quantize
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import BORDER, Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.integers import IntType


def quantize_linear(site: Site) -> Meaning:
    """QuantizeLinear: emit what waited, or quantize a constant as the standard says."""
    storage, element = _types_of_quantize(site)
    value = site.operand(0)
    if isinstance(value, Static):
        of_constant = _of_constant(site, value.shape, storage)
        codes = quantized(value.array, element, storage, of_constant)
        return QuantizedConstant(value.name, codes, element, of_constant, real=False)
    value = site.real(0)
    parameters = _parameters(site, value.shape, element)
    if isinstance(parameters, Quantization):
        target = Target(storage, element, parameters, site.name)
        tensor = _tensor(value, target)
        return _quantized(site, value, target, site.source if _is_codes(value) else tensor)

    def convert(piece: Real, own: Quantization) -> Quantized:
        codes = _quantized(site, piece, Target(storage, element, own, site.name), "")
        return site.emitter.reinterpreted(codes, PLAIN, site.name)

    return piece_by_piece(site, value, parameters, convert)


def _quantized(site: Site, value: Real, target: Target, wanted: str) -> Quantized:
    name = quantize(site.emitter, value, target, wanted)
    tensor = _tensor(value, target)
    return Quantized(name, site.emitter.builder.type_of(name), tensor, real=False)


def _is_codes(value: Real) -> bool:
    return isinstance(value, Quantized)


def _tensor(value: Real, target: Target) -> str:
    """The tensor that codes stand for, not the Clip that keeps them within an unusual width."""
    if not isinstance(value, Clipped) or target.storage == target.element:
        return value.source
    kept = narrowed(value.bounds, target.storage, target.element, target.quantization)
    return value.source if kept else value.value.source


def stand_in_quantization(site: Site, shape: Shape) -> tuple[IntType, Quantization]:
    """The codes of a QuantizeLinear of a value that isn't known.

    Raises:
        Refusal: types, scale or zero point aren't those of a quantized model.
    """
    require(site, QUANTIZE.constraints)
    _, element = _types_of_quantize(site)
    parameters = _parameters(site, shape, element)
    return element, parameters if isinstance(parameters, Quantization) else PLAIN


def dequantize_linear(site: Site) -> Meaning:
    """DequantizeLinear: the same value, now seen as real numbers."""
    value = site.operand(0)
    match value:
        case Static():
            element, codes = stored_codes(value)
            parameters = _stated(site, value.shape, element)
            if isinstance(parameters, Grid):
                return in_one_scale(value.name, codes, parameters)
            return QuantizedConstant(value.name, codes, element, parameters, real=True)
        case QuantizedConstant(real=False):
            return replace(
                value, quantization=_of_constant(site, value.shape, value.element), real=True
            )
        case Quantized(real=False):
            read = _parameters(site, value.shape, value.type.integer)
            if isinstance(read, Quantization):
                return as_read(site, value, read)
            return piece_by_piece(site, value, read, lambda piece, own: as_read(site, piece, own))
        case Unknown():
            raise AssertionError("a node is not read when an operand was refused")
        case _:
            raise Refusal("dequantizes real numbers; codes are expected")


def _of_constant(site: Site, shape: Shape, element: IntType) -> Quantization:
    parameters = _stated(site, shape, element)
    if isinstance(parameters, Grid):
        raise Refusal(
            "has a scale for each block of a constant; one for the tensor or for each index of an "
            "axis is expected"
        )
    return parameters


def _parameters(site: Site, shape: Shape, element: IntType) -> Quantization | Grid:
    """Scale and zero point of a computed value; as pieces where it has several."""
    stated = _stated(site, shape, element)
    if isinstance(stated, Grid) or stated.per_tensor:
        return stated
    return grid_by_axis(stated, shape)


def _stated(site: Site, shape: Shape, element: IntType) -> Quantization | Grid:
    result = site.node.outputs[0].dtype
    if result not in (None, ir.DataType.FLOAT) and integer_type(result) is None:
        raise Refusal(f"its result is of type {result.name}, float32 or codes are expected")
    zero_point = site.static(2) if site.has(2) else None
    given = site.operands[2] if site.has(2) else None
    if isinstance(given, Static) and integer_type(given.element) is None:
        raise Refusal(f"its zero point is of type {given.element.name}; that of codes is expected")
    scale, axis, size = site.static(1), site.integer("axis", 1), site.integer("block_size", 0)
    if size == 0:
        return quantization(scale, zero_point, axis, shape, element)
    blocks = grid_by_block(scale, zero_point, axis, size, shape, element)
    return blocks.quantization(shape) or blocks


def _types_of_quantize(site: Site) -> tuple[IntType, IntType]:
    """The ONNX type of the codes, and the codes that really occur."""
    storage = _storage_of_quantize(site)
    if storage.bits > 16:
        raise Refusal(f"quantizes to {storage}; at most 16 bits are expected")
    width = marked_width(site.node.outputs[0].metadata_props, site.node.metadata_props)
    return storage, true_type(storage, width)


def _storage_of_quantize(site: Site) -> IntType:
    zero_point = site.operands[2] if site.has(2) else None
    if isinstance(zero_point, Static):
        return storage_type(zero_point.element)
    wanted = site.integer("output_dtype", 0) or ir.DataType.UINT8
    if wanted not in list(ir.DataType):
        raise Refusal(f"output_dtype is {wanted}, which is no type")
    return storage_type(ir.DataType(wanted))


_PARAMETERS = (constant(1, "scale"), constant(2, "zero point"))

QUANTIZE = Reader(
    quantize_linear, (BORDER, "requantize"), (*_PARAMETERS, float32_precision("precision"))
)
DEQUANTIZE = Reader(dequantize_linear, (BORDER,), (*_PARAMETERS, float32_precision("output_dtype")))
