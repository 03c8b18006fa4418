# SPDX-License-Identifier: Apache-2.0
"""Where codes begin and end: QUANTIZE, DEQUANTIZE, and the float32 tail behind it."""

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import FloatTail
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.expectations import codes_of, real_or_codes, result_in
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Computed, Known

_RESULTS = ("i8", "u8", "i16", "i32")

QUANTIZE = (real_or_codes(0), result_in(_RESULTS))
DEQUANTIZE = (codes_of(0, ("i8", "u8", "i16")),)


def quantize(site: Site) -> Computed:
    """An input's float32 as codes, or codes in another scale."""
    x = site.operand(0)
    if x.type.element != FLOAT32:
        return site.emit(scaled.Requantize(), (x,))
    if not (isinstance(x, Computed) and x.given):
        raise Refusal(f"quantizes {x.label}, which is float32 but no input of the model")
    return site.emit(scaled.Quantize(), (x,))


def dequantize(site: Site) -> Computed:
    """Codes as float32, for an output of the model."""
    return _real(site, scaled.Dequantize(), (site.codes(0),))


def tail(site: Site, op: FloatTail, count: int) -> Computed:
    """A float32 operator between DEQUANTIZE and an output.

    Raises:
        Refusal: it isn't there: it reads an input, or codes.
    """
    operands = tuple(site.operand(index) for index in range(count))
    if any(operand.type.element != FLOAT32 for operand in operands):
        raise Refusal("mixes float32 and codes")
    if any(isinstance(operand, Computed) and operand.given for operand in operands):
        raise Refusal("computes an input in float32; quantize the model in full")
    return _real(site, op, operands)


def _real(site: Site, op: scaled.Op, operands: tuple[Known, ...]) -> Computed:
    if site.result.kind != "FLOAT32":
        raise Refusal(f"writes {site.result.label} of type {site.result.kind}; FLOAT32 is expected")
    label = site.result.label
    return site.emitter.node(label, op, operands, TensorType(FLOAT32, ()), label)
