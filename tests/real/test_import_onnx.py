# SPDX-License-Identifier: Apache-2.0
"""Real networks, quantized by ONNX Runtime's own tool and by the min-max recipe, are all read."""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import parse
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.integers import IntType

pytestmark = pytest.mark.real

NETWORKS: dict[str, dict[str, int]] = {
    "imagenet/mobilenet_v1_025_224_bn": {"Conv2d": 28, "ReduceMean": 1},
    "imagenet/mobilenet_v1_075_224_bn": {"Conv2d": 28, "ReduceMean": 1},
    "imagenet/squeezenet10_deepcompressed": {
        "Conv2d": 26,
        "MaxPool2d": 3,
        "Concat": 8,
        "ReduceMean": 1,
    },
    "cifar10/resnet20_bn": {
        "Conv2d": 19,
        "Add": 9,
        "Slice": 2,
        "Pad": 2,
        "ReduceMean": 1,
        "FullyConnected": 1,
    },
    "cifar10/resnet32_bn": {
        "Conv2d": 31,
        "Add": 15,
        "Slice": 2,
        "Pad": 2,
        "ReduceMean": 1,
        "FullyConnected": 1,
    },
    "mlperf_tiny/ic01_resnet8_bn": {
        "Conv2d": 9,
        "Add": 3,
        "AveragePool2d": 1,
        "FullyConnected": 1,
    },
    "mlperf_tiny/kws01_dscnn_qualcomm_bn": {"Conv2d": 9, "AveragePool2d": 1, "FullyConnected": 1},
    "mlperf_tiny/vww01_bn": {"Conv2d": 27, "AveragePool2d": 1, "FullyConnected": 1},
    "mlperf_tiny/ad01_bn": {"FullyConnected": 10},
}
"""How many ops of each kind a network has, besides requantizing, layout and the borders."""

_ELSEWHERE = ("Quantize", "Dequantize", "Transpose", "Reshape", "Requantize")


def kinds(graph: Graph) -> dict[str, int]:
    counts = Counter(type(node.op).__name__ for node in graph.nodes)
    return {kind: count for kind, count in counts.items() if kind not in _ELSEWHERE}


def noise(shape: list[int]) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "options",
    [
        QuantizationOptions(),
        QuantizationOptions(weight_bits=5, activation_bits=6, signed_activations=True),
        QuantizationOptions(weight_bits=4, activation_bits=3, per_channel=False),
    ],
    ids=["w8a8", "w5a6", "w4a3"],
)
def test_our_recipe(real_data: Path, network: str, options: QuantizationOptions) -> None:
    model = load_model(real_data / f"{network}.onnx")
    (given,) = model.graph.inputs
    assert given.shape is not None
    shape = [dim if isinstance(dim, int) else 1 for dim in given.shape]
    quantized = quantize_minmax(model, [{given.name or "": noise(shape)}], options)
    graph = import_onnx(quantized.model, network)
    check(graph)
    assert kinds(graph) == NETWORKS[network]
    codes = {node.type.element for node in graph.nodes if isinstance(node.type.element, IntType)}
    assert codes == {IntType(options.activation_bits, options.signed_activations)}


def quantize_static(source: Path, target: Path) -> ir.Model:
    """The network as ONNX Runtime's own tool quantizes it: uint8, int8 weights per channel."""
    tool: Any = importlib.import_module("onnxruntime.quantization")
    shapes: Any = importlib.import_module("onnxruntime.quantization.shape_inference")
    prepared = target.with_suffix(".prepared.onnx")
    shapes.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    (given,) = parse(prepared.read_bytes()).graph.input
    shape = [dim.dim_value or 1 for dim in given.type.tensor_type.shape.dim]
    feeds = iter([{given.name: noise(shape)}])

    class Reader(tool.CalibrationDataReader):  # type: ignore[misc]  # the tool has no types
        def get_next(self) -> Any:
            return next(feeds, None)

    tool.quantize_static(
        str(prepared),
        str(target),
        Reader(),
        quant_format=tool.QuantFormat.QDQ,
        per_channel=True,
        activation_type=tool.QuantType.QUInt8,
        weight_type=tool.QuantType.QInt8,
    )
    return ir.from_proto(parse(target.read_bytes()))


@pytest.mark.parametrize("network", [name for name in NETWORKS if "075" not in name])
def test_onnx_runtime(real_data: Path, tmp_path: Path, network: str) -> None:
    model = quantize_static(real_data / f"{network}.onnx", tmp_path / "quantized.onnx")
    if network.endswith("ad01_bn"):
        with pytest.raises(UnsupportedModel) as caught:
            import_onnx(model, network)
        # The tool folds BatchNormalization into convolutions alone, not into Gemm.
        assert len(caught.value.problems) == 9
        assert all("(BatchNormalization)" in problem for problem in caught.value.problems)
        return
    graph = import_onnx(model, network)
    check(graph)
    assert kinds(graph) == NETWORKS[network]
    assert all(node.source for node, _ in graph.nodes_of(scaled.Conv2d, scaled.Add))
