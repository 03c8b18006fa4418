# SPDX-License-Identifier: Apache-2.0
"""Real networks as machine code: every tensor of the vectorized engine, under four profiles."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator.compiled import unsupported
from tests.simulator.compiled.comparing import assert_compiled_agrees

pytestmark = pytest.mark.real

PROFILES = ("single-rounding", "ort-x86-vnni", "tflm", "tosa-single")
CASES = {
    "imagenet/mobilenet_v1_025_224_bn": ("ort-x86-vnni",),
    "imagenet/mobilenet_v1_075_224_bn": ("single-rounding",),
    "imagenet/squeezenet10_deepcompressed": ("tflm",),
    "cifar10/resnet20_bn": ("tosa-single",),
    "cifar10/resnet32_bn": ("ort-x86-vnni",),
    "mlperf_tiny/ic01_resnet8_bn": PROFILES,
    "mlperf_tiny/kws01_dscnn_qualcomm_bn": PROFILES,
    "mlperf_tiny/vww01_bn": ("tflm",),
    "mlperf_tiny/ad01_bn": PROFILES,
}
"""The small ones, which have layers of every kind, under every profile; it takes seconds."""


def scaled_network(path: Path) -> Graph:
    """The network, quantized to the range of one batch of noise: equality asks for no more."""
    model = load_model(path)
    random = np.random.default_rng(0)
    feeds = {
        given.name or "": random.standard_normal(
            [extent if isinstance(extent, int) else 1 for extent in given.shape or ()]
        ).astype(np.float32)
        for given in model.graph.inputs
    }
    return import_onnx(quantize_minmax(model, [feeds], QuantizationOptions()).model, path.stem)


@pytest.mark.parametrize("network", CASES)
def test_compiled_agrees(real_data: Path, network: str) -> None:
    scaled = scaled_network(real_data / f"{network}.onnx")
    for name in CASES[network]:
        graph = lower(scaled, load_profile(name))
        assert unsupported(graph) == ()
        random = np.random.default_rng(1)
        inputs = {
            given.name: random.standard_normal(given.type.shape).astype(np.float32)
            for given in graph.inputs
        }
        assert_compiled_agrees(graph, inputs)
