# SPDX-License-Identifier: Apache-2.0
"""From a program that pt2e quantized to the scaled level, by way of ONNX.

PyTorch's own exporter writes ``quantized_decomposed`` ops as QuantizeLinear and DequantizeLinear,
so this frontend checks what ONNX can't say, and leaves the reading to the ONNX importer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from intaglio.compiler.ir.graph import Graph
from intaglio.errors import InvalidData, UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.torch.code_ranges import CodeRange, code_ranges, keep_within

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def import_torch(
    program: "ExportedProgram",
    name: str,
    batch: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Graph:
    """Read a program of ``torch.export`` that ``convert_pt2e`` quantized.

    The result of each op has to be quantized, the outputs of the program among them: the quantizer
    of XNNPACK does so, that of Inductor leaves the last layer in float.

    Args:
        program: what ``torch.export.export`` made of the converted model.
        name: what the graph and messages call it.
        batch: the extent of a dynamic leading dimension.
        shapes: dims of inputs of which more is dynamic.

    Returns:
        A graph of the scaled level; profile ``torch-pt2e`` has PyTorch's arithmetic.

    Raises:
        UnsupportedModel: parts can't be taken; the one message names each of them.
        InvalidOption: the batch isn't positive, or ``shapes`` names what is no input.
        InvalidData: the extra ``torch`` is not installed.
    """
    return import_onnx(to_onnx(program, name), name, batch, shapes)


def to_onnx(program: "ExportedProgram", name: str) -> ir.Model:
    """The program as a QDQ model, which `onnx_ir.save` writes to a file.

    Raises:
        UnsupportedModel: a scale isn't a float32, or PyTorch can't write an op.
        InvalidData: the extra ``torch`` is not installed.
    """
    try:
        ranges = code_ranges(program)
    except Refusal as refusal:
        raise _unsupported(name, str(refusal)) from None
    model = _exported(program, name)
    keep_within(model, _narrow(ranges))
    return model


def _narrow(ranges: Mapping[str, CodeRange]) -> dict[str, CodeRange]:
    return {value: each for value, each in ranges.items() if each.narrow}


def _exported(program: "ExportedProgram", name: str) -> ir.Model:
    """As written by ``torch.onnx``; unoptimized, for folding would turn codes into floats."""
    try:
        import onnxscript  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import torch.onnx
    except ImportError as error:
        raise InvalidData(
            "the torch frontend",
            f"no package {error.name}",
            "the extra torch",
            "install it with pip install 'intaglio[torch]'",
        ) from None
    try:
        exporter: Any = torch.onnx
        exported = exporter.export(program, dynamo=True, optimize=False, verbose=False)
    except torch.onnx.OnnxExporterError as error:
        first = (str(error.__cause__ or error).splitlines() or [""])[0]
        raise _unsupported(name, f"PyTorch can't write it as ONNX: {first}") from None
    model: ir.Model = exported.model
    return model


def _unsupported(name: str, problem: str) -> UnsupportedModel:
    return UnsupportedModel(
        name, [problem], "Quantize the model with pt2e, every scale a float32, and export it again"
    )
