# SPDX-License-Identifier: Apache-2.0
"""QONNX's names of what a float input holds, such as INT8 or FIXED<16,6>: its codes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import onnx_ir as ir

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import FloatInput, Quantized
from intaglio.frontends.onnx.qonnx.quant import BIPOLAR, clamp
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import RoundTo, Step
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding

_INTEGER = re.compile(r"(U?INT)([1-9][0-9]?)")
_FIXED = re.compile(r"FIXED<([1-9][0-9]?),(-?[0-9]{1,2})>")
_MOST_BITS = 16
_ANNOTATION = "quant_parameter_tensor_names"
_KEY = "finn_datatype"

NAMES = "BIPOLAR, BINARY, TERNARY, INT8, UINT4 or FIXED<16,6>"


@dataclass(frozen=True, slots=True)
class DataType:
    """The codes of an input: their type, their scale, and the steps that find them."""

    element: IntType
    scale: Float32
    steps: tuple[Step, ...]


def annotated(value: ir.Value) -> str:
    """The datatype that the file notes for a tensor, empty where it notes none or float."""
    noted = cast("Mapping[str, object]", value.meta).get(_ANNOTATION)
    if not isinstance(noted, dict):
        return ""
    name = cast("dict[object, object]", noted).get(_KEY)
    return "" if not isinstance(name, str) or name.startswith("FLOAT") else name


def parse_datatype(name: str) -> DataType:
    """The codes of a datatype.

    Raises:
        Refusal: there is no such one, or its codes are too long.
    """
    one = Float32.from_value(1.0)
    if name == "BIPOLAR":
        return DataType(IntType(2, signed=True), one, BIPOLAR)
    if name == "TERNARY":
        codes = Interval(-1, 1)
        return DataType(IntType(2, signed=True), one, _rounded(codes))
    if name == "BINARY":
        name = "UINT1"
    integer, fixed = _INTEGER.fullmatch(name), _FIXED.fullmatch(name)
    if integer is not None:
        element, scale = IntType(_bits(name, integer[2]), integer[1] == "INT"), one
    elif fixed is not None:
        element = IntType(_bits(name, fixed[1]), signed=True)
        scale = Float32.from_value(2.0 ** (int(fixed[2]) - element.bits))
    else:
        raise Refusal(f"is said to hold {name!r}; {NAMES} is expected")
    if scale.fraction == 1:
        return DataType(element, scale, _rounded(element.interval))
    return DataType(element, scale, ())


def _bits(name: str, text: str) -> int:
    if int(text) > _MOST_BITS:
        raise Refusal(f"is said to hold {name}; at most {_MOST_BITS} bits are expected")
    return int(text)


def _rounded(codes: Interval) -> tuple[Step, ...]:
    return (*clamp(codes), RoundTo(Rounding.HALF_EVEN))


def read_codes(emitter: Emitter, given: FloatInput, name: str) -> Quantized:
    """A float input whose numbers are codes: each is taken to the nearest one.

    Raises:
        Refusal: the datatype isn't known.
    """
    found = parse_datatype(name)
    type = TensorType(found.element, given.shape, Quantization((found.scale,)))
    uneven = name in ("BIPOLAR", "TERNARY")
    op = scaled.Float32Steps(found.steps) if uneven else scaled.Quantize()
    codes = emitter.node(f"{given.source}.codes", type, op, (given.name,), "")
    return Quantized(codes, type, given.source, real=True)
