# SPDX-License-Identifier: Apache-2.0
"""Caps by channel and equalization leave every shared network the same function."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.clips.restore_clips import restore_clips
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.processor import has_vnni
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

SAMPLES = 4
EQUALIZED = {
    "mobilenet_v1_025": 27,
    "mobilenet_v1_075": 27,
    "squeezenet": 25,
    "resnet20": 10,
    "resnet32": 16,
    "resnet8": 6,
    "keywords": 9,
    "visual_wake_words": 27,
    "anomalies": 9,
}
"""How many regions have channels that are scaled."""


def difference(first: ir.Model, second: ir.Model, name: str, folder: Path) -> float:
    """The largest difference of two outputs, as a share of the first one's span."""
    sessions = [Session(model, threads=1) for model in (first, second)]
    worst = 0.0
    for feeds in NETWORKS[name].feeds(folder, first, SAMPLES):
        results = [session.run(feeds) for session in sessions]
        for output, expected in results[0].items():
            span = float(np.ptp(expected))
            worst = max(worst, float(np.abs(expected - results[1][output]).max()) / span)
    return worst


@pytest.mark.parametrize("name", NETWORKS)
def test_equalization_keeps_the_function(name: str, real_data: Path) -> None:
    model = normalize(NETWORKS[name].load(real_data))
    capped = per_channel_caps(model)
    assert difference(model, capped.model, name, real_data) <= 1e-6
    equalized = equalize_layers(capped.model)
    assert sum(note.said == "equalized" for note in equalized.notes) == EQUALIZED[name]
    assert difference(model, equalized.model, name, real_data) <= 1e-4
    assert f"{EqualizationOptions().sweeps} sweeps" not in equalized.summary, "not level yet"
    if capped.channels:
        restored = restore_clips(capped.model).model
        assert [node.op_type for node in restored.graph] == [node.op_type for node in model.graph]


@pytest.mark.parametrize("name", ["mobilenet_v1_025", "resnet20"])
def test_equalized_integers_equal_onnx_runtime(name: str, real_data: Path, tmp_path: Path) -> None:
    """Per tensor, where equalization matters; the bounds by channel are the requantizers'."""
    if not has_vnni():
        pytest.skip("ONNX Runtime computes otherwise on this processor")
    network = NETWORKS[name]
    model = equalize_layers(per_channel_caps(normalize(network.load(real_data))).model).model
    calibration = network.feeds(real_data, model, 8)
    result = quantize_minmax(model, calibration, QuantizationOptions(per_channel=False))
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "quantized.onnx")
    samples = list(network.feeds(real_data, model, 2, skip=8))
    assert file.farthest("ort-x86-vnni", samples) == 0
    lowered = lower(file.graph, load_profile("ort-x86-vnni"))
    kinds = {type(node.op) for node in lowered.nodes}
    assert not kinds & {fixed.Minimum, fixed.Maximum, fixed.Clamp}
    for feeds, (expected,) in zip(samples, file.outputs("ort-x86-vnni", samples), strict=True):
        (found,) = vectorized.run(lowered, feeds).values()
        np.testing.assert_array_equal(found, expected)
