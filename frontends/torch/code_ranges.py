# SPDX-License-Identifier: Apache-2.0
"""What pt2e says of codes and ONNX can't: a narrower range, and scales in double."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from intaglio.errors import InvalidData
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_QUANTIZE = "quantized_decomposed.quantize_per_tensor.default"
_DEQUANTIZE = "quantized_decomposed.dequantize_per_tensor.default"


@dataclass(frozen=True, slots=True)
class CodeRange:
    """The arguments of one ``quantize_per_tensor``.

    Attributes:
        scale: of the codes.
        zero_point: of the codes.
        low: the lowest code.
        high: the highest code.
        narrow: whether the element type holds others.
    """

    scale: Float32
    zero_point: int
    low: int
    high: int
    narrow: bool


def code_ranges(program: "ExportedProgram") -> dict[str, CodeRange]:
    """The range of each value that the program quantizes, by the name of its codes.

    Raises:
        Refusal: a scale isn't a positive float32, which both PyTorch's kernels and ONNX use.
    """
    found: dict[str, CodeRange] = {}
    nodes: Any = program.graph.nodes
    for node in nodes:
        target = str(node.target)
        if node.op != "call_function" or target not in (_QUANTIZE, _DEQUANTIZE):
            continue
        scale, zero_point, low, high, dtype = _arguments(node)
        if target == _QUANTIZE:
            limits = _limits(dtype)
            narrow = (low, high) != limits
            found[str(node.name)] = CodeRange(
                _exact(node.name, scale), zero_point, low, high, narrow
            )
        else:
            _exact(node.name, scale)
    return found


def _arguments(node: Any) -> tuple[float, int, int, int, Any]:
    names = ("scale", "zero_point", "quant_min", "quant_max", "dtype")
    given = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    scale, zero_point, low, high, dtype = (given[name] for name in names)
    return float(scale), int(zero_point), int(low), int(high), dtype


def _limits(dtype: Any) -> tuple[int, int]:
    import torch

    limits = torch.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _exact(name: str, scale: float) -> Float32:
    try:
        rounded = Float32.from_value(scale)
    except InvalidData:
        raise Refusal(f"node {name}: its scale is {scale}; a finite number is expected") from None
    if rounded.value != scale or scale <= 0:
        raise Refusal(
            f"node {name}: its scale {scale!r} is no positive float32; the nearest is {rounded}"
        )
    return rounded


def keep_within(model: ir.Model, ranges: Mapping[str, CodeRange]) -> None:
    """Clip what is quantized to narrower ranges of codes, in front of its QuantizeLinear."""
    for node in list(model.graph):
        name = node.outputs[0].name or ""
        if node.op_type != "QuantizeLinear" or name not in ranges:
            continue
        bounds = [_bound(model, name, end, ranges[name]) for end in ("low", "high")]
        clip = ir.node("Clip", [node.inputs[0], *bounds], name=f"{node.name}_range")
        clip.outputs[0].name = f"{name}_clipped"
        model.graph.insert_before(node, clip)
        node.replace_input_with(0, clip.outputs[0])


def _bound(model: ir.Model, name: str, end: str, codes: CodeRange) -> ir.Value:
    code = codes.low if end == "low" else codes.high
    real = np.float32((code - codes.zero_point) * codes.scale.value)
    value = ir.Value(name=f"{name}_{end}", const_value=ir.tensor(real))
    model.graph.register_initializer(value)
    return value
