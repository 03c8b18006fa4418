# SPDX-License-Identifier: Apache-2.0
"""Real networks through all passes: no transpose inside, no zero point left, the same outputs."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.simulator.engines import assert_same_tensor

pytestmark = pytest.mark.real

TRANSPOSES = {
    "imagenet/mobilenet_v1_025_224_bn": 1,
    "imagenet/squeezenet10_deepcompressed": 1,
    "cifar10/resnet20_bn": 1,
    "cifar10/resnet32_bn": 1,
    "mlperf_tiny/ic01_resnet8_bn": 1,
    # One channel: its transpose moves no data.
    "mlperf_tiny/kws01_dscnn_qualcomm_bn": 0,
    "mlperf_tiny/vww01_bn": 1,
    "mlperf_tiny/ad01_bn": 0,
}


def scaled_network(path: Path) -> Graph:
    """The network, quantized to the range of one batch of noise: passes don't ask for accuracy."""
    model = load_model(path)
    random = np.random.default_rng(0)
    feeds = {
        given.name or "": random.standard_normal(
            [extent if isinstance(extent, int) else 1 for extent in given.shape or ()]
        ).astype(np.float32)
        for given in model.graph.inputs
    }
    quantized = quantize_minmax(model, [feeds], QuantizationOptions()).model
    return import_onnx(quantized, path.stem)


@pytest.mark.parametrize("network", TRANSPOSES)
def test_passes_keep_a_real_network_and_clean_it_up(real_data: Path, network: str) -> None:
    scaled = scaled_network(real_data / f"{network}.onnx")
    profile = load_profile("ort-x86-vnni")
    selected, lowered = select_arithmetic(scaled, profile), lower(scaled, profile)
    assert sum(1 for _ in lowered.nodes_of(moves.Transpose)) == TRANSPOSES[network]
    assert not any(op.input_zero_point for _, op in lowered.nodes_of(fixed.Conv2d))
    assert not any(op.left_zero_point for _, op in lowered.nodes_of(fixed.MatMul))
    assert all(
        bits.declared_bits == bits.any_order_bits <= 32 for bits in accumulator_report(lowered)
    )
    random = np.random.default_rng(1)
    inputs = {
        given.name: random.standard_normal(given.type.shape).astype(np.float32)
        for given in lowered.inputs
    }
    expected, found = vectorized.run(selected, inputs), vectorized.run(lowered, inputs)
    for name, other in zip(selected.outputs, lowered.outputs, strict=True):
        assert_same_tensor("after the passes", name, found[other], expected[name])
