# SPDX-License-Identifier: Apache-2.0
"""Quantizing small models in tests, with the checks that every result must pass."""

from pathlib import Path

import numpy as np

from intaglio.compiler.real.onnx_runtime import Session, check, to_proto
from intaglio.compiler.real.onnx_runtime import parse as parse_bytes
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.recipes.result import QuantizedResult
from tests.compiler.real.building import Array, parse, random_feeds, run

W8A8 = QuantizationOptions()


def quantize(
    text: str, options: QuantizationOptions = W8A8, /, **constants: Array
) -> QuantizedResult:
    """Quantize with a little random calibration; the result is valid and runs."""
    model = parse(text, **constants)
    result = quantize_minmax(model, [random_feeds(model, seed, 8) for seed in (0, 1)], options)
    check(to_proto(result.model), shapes=True)
    assert_every_operand_is_quantized(result)
    run(result.model, random_feeds(model, 5))
    return result


def assert_every_operand_is_quantized(result: QuantizedResult) -> None:
    """Each float operation reads dequantized codes, or what a clamp follows."""
    for node in result.model.graph:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "Clip", "Relu"):
            continue
        value = node.inputs[0]
        assert value is not None
        producer = value.producer()
        assert producer is not None
        assert producer.op_type == "DequantizeLinear", node


def fused_ops(result: QuantizedResult, folder: Path) -> list[str]:
    """The ops that ONNX Runtime really runs."""
    path = folder / "optimized.onnx"
    Session(result.model, threads=1, optimized_path=path)
    return sorted(node.op_type for node in parse_bytes(path.read_bytes()).graph.node)


def error(result: QuantizedResult, seed: int = 0) -> float:
    """The largest difference from the float model on calibration data, relative to the span."""
    feeds = random_feeds(result.normalized, seed, 8)
    expected, found = run(result.normalized, feeds), run(result.model, feeds, optimize=False)
    return max(
        float(np.abs(expected[name] - found[name]).max() / np.ptp(expected[name]))
        for name in expected
    )
