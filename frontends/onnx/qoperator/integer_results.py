# SPDX-License-Identifier: Apache-2.0
"""What follows int32 sums: a Cast to float32 and a product with their scale, a dequantization."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx import elementwise
from intaglio.frontends.onnx.codes import PLAIN, as_read
from intaglio.frontends.onnx.meanings import Quantized, Real, Static
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import BORDER, Reader
from intaglio.numerics.float32 import Float32


@expects(f"float32 ({int(ir.DataType.FLOAT)}) as its result")
def FLOAT32_RESULT(site: Site) -> str | None:
    """Other types would round codes or cut them off."""
    wanted = site.integer("to", 0)
    return None if wanted == ir.DataType.FLOAT else f"casts to type {wanted}"


@expects("two quantized operands of one scale each, or cast codes and their constant scale")
def FACTORS(site: Site) -> str | None:
    """A constant factor is a scale, or refused by name when it is read."""
    if len(site.operands) != 2:
        return f"has {len(site.operands)} operands"
    if not any(isinstance(operand, Static) for operand in site.operands):
        for index in (0, 1):
            site.require_quantized(index, several_scales=False)
    return None


def cast(site: Site) -> Real:
    """Cast of codes to float32: the codes themselves as real numbers, each rounded once."""
    value = site.rearrangeable(0)
    if isinstance(value, Quantized) and not value.real:
        return as_read(site, value, PLAIN)
    return site.real(0)


def dequantized_product(site: Site) -> Real | None:
    """The product of cast codes and one constant; None where a Mul is something else.

    fl32(fl32(code) * scale) is what a DequantizeLinear with zero point 0 computes.
    """
    for index in (0, 1):
        codes, scale = site.operand(index), site.operand(1 - index)
        if not (isinstance(codes, Quantized) and codes.real and codes.type.scaled == PLAIN):
            continue
        if not isinstance(scale, Static) or scale.array.size != 1 or scale.array.ndim > 1:
            continue
        if scale.array.dtype != np.float32:
            continue
        factor = float(scale.array.ravel()[0])
        if not 0 < factor < np.inf or scale.array.ndim > len(codes.shape):
            continue
        parameters = Quantization((Float32.from_value(factor),))
        return as_read(site, replace(codes, real=False), parameters)
    return None


def multiply(site: Site) -> Real:
    """Mul: of cast codes and their scale, or of two quantized values."""
    return dequantized_product(site) or elementwise.binary(site)


CAST = Reader(cast, (BORDER,), (FLOAT32_RESULT,))
MULTIPLY = Reader(multiply, ("multiply", BORDER), (FACTORS,))
