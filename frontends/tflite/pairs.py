# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of two operands, which broadcast as in NumPy."""

from collections.abc import Mapping

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.types import FLOAT32
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.activations import BOUNDED, fused
from intaglio.frontends.tflite.borders import tail
from intaglio.frontends.tflite.expectations import CODES, codes_of, one_element, real_or_codes
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Computed
from intaglio.numerics.float32 import Float32


@expects("int16 codes in scales that are not all powers of two, or all equal")
def NO_SHIFTS(site: Site) -> str | None:
    """LiteRT then shifts one operand, where TensorFlow Lite Micro rescales both."""
    types = [site.operand(0).type, site.operand(1).type, type_of(site.result, site.result.shape)]
    quantizations = [type.quantization for type in types]
    if str(types[0].element) != "i16" or not site.flag("PotScaleInt16"):
        return None
    scales = {each.scales for each in quantizations if each is not None}
    powers = all(_is_power_of_two(scale) for (scale, *_) in scales)
    return (
        "adds int16 codes in scales that are powers of two" if powers and len(scales) > 1 else None
    )


def _is_power_of_two(scale: Float32) -> bool:
    fraction = scale.fraction
    return (fraction.numerator & (fraction.numerator - 1)) == 0 and (
        fraction.denominator & (fraction.denominator - 1)
    ) == 0


ARITHMETIC = (real_or_codes(0), real_or_codes(1), BOUNDED)
SUM = (*ARITHMETIC, NO_SHIFTS)
SQUARED_DIFFERENCE = (codes_of(0, CODES), codes_of(1, CODES))
EXTREME = (real_or_codes(0), real_or_codes(1), one_element(0, 1))

_TAIL: Mapping[str, BinaryFunction] = {
    "ADD": BinaryFunction.ADD,
    "SUB": BinaryFunction.SUBTRACT,
    "MUL": BinaryFunction.MULTIPLY,
    "MINIMUM": BinaryFunction.MINIMUM,
    "MAXIMUM": BinaryFunction.MAXIMUM,
}


def arithmetic(site: Site) -> Computed:
    """ADD, SUB and MUL, of codes or in the float tail."""
    if _is_float(site):
        if fused(site) != scaled.UNBOUNDED:
            raise Refusal("computes a fused activation in float32; quantize the model in full")
        return tail(site, scaled.Float32Binary(_TAIL[site.operator.kind]), 2)
    operands = (site.codes(0), site.codes(1))
    activation = fused(site)
    match site.operator.kind:
        case "ADD":
            return site.emit(scaled.Add(activation), operands)
        case "SUB":
            return site.emit(scaled.Subtract(activation), operands)
        case _:
            return site.emit(scaled.Multiply(activation), operands)


def squared_difference(site: Site) -> Computed:
    """SQUARED_DIFFERENCE."""
    return site.emit(scaled.SquaredDifference(), (site.codes(0), site.codes(1)))


def extreme(site: Site) -> Computed:
    """MINIMUM and MAXIMUM, which compare raw codes."""
    kind = site.operator.kind
    if _is_float(site):
        return tail(site, scaled.Float32Binary(_TAIL[kind]), 2)
    op = scaled.Minimum() if kind == "MINIMUM" else scaled.Maximum()
    return site.emit(op, (site.in_result(0), site.in_result(1)))


def _is_float(site: Site) -> bool:
    return site.operand(0).type.element == FLOAT32
