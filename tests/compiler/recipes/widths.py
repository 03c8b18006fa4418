# SPDX-License-Identifier: Apache-2.0
"""What must hold of a network at any width: its file runs everywhere, and the engines agree."""

from pathlib import Path

import onnx_ir as ir

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.options import QuantizationOptions, parse_bits
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import load_profile
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.simulator.engines import assert_engines_agree

WIDTHS = ("w8a8", "w4a8", "w6a6", "w3a5", "w2a2", "w8a16", "w16a16")


def assert_width_works(
    model: ir.Model, calibration: list[Feeds], sample: Feeds, bits: str, path: Path
) -> None:
    """Quantize at these widths; every code has its width, and the integers are the file's.

    Exactly up to 8 bits; beyond, ONNX Runtime computes in float32 and its codes are off by a few.
    """
    weight_bits, activation_bits = parse_bits(bits)
    options = QuantizationOptions(weight_bits, activation_bits)
    result = quantize_minmax(model, calibration, options)
    file = QuantizedFile.written(result.model, result.plan, path)
    codes = {node.type.element for node in file.graph.nodes} & {
        IntType(width, signed=False) for width in range(2, 17)
    }
    assert codes == {IntType(activation_bits, signed=False)}
    assert file.farthest("onnx-spec", [sample]) <= (1 if activation_bits <= 8 else 4)
    graph = select_arithmetic(file.graph, load_profile("single-rounding"))
    assert_engines_agree(graph, sample)
