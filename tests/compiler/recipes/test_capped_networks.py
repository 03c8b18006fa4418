# SPDX-License-Identifier: Apache-2.0
"""A bound for each channel goes all the way to integers that equal ONNX Runtime's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.compiler.real.building import Array, parse, random, random_feeds
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.processor import has_vnni

BOUNDS = {"zero": np.array(0, np.float32), "low": np.array(-1, np.float32)}
HIGH = {"high": np.array(2, np.float32)}


def separable() -> ir.Model:
    return parse(
        """(float[1,3,8,8] x) => (y) {
            a = Conv<pads=[1,1,1,1]>(x, w0, b0)
            ac = Clip(a, zero, high)
            d = Conv<group=8, pads=[1,1,1,1]>(ac, w1, b1)
            dc = Clip(d, low, high)
            p = Conv(dc, w2, b2)
            pc = Clip(p, zero, high)
            g = GlobalAveragePool(pc)
            f = Flatten(g)
            y = Gemm(f, w3) }""",
        w0=random(1, 8, 3, 3, 3), b0=random(2, 8), w1=random(3, 8, 1, 3, 3), b1=random(4, 8),
        w2=random(5, 6, 8, 1, 1), b2=random(6, 6), w3=random(7, 6, 5), **BOUNDS, **HIGH,
    )  # fmt: skip


def one_dimensional() -> ir.Model:
    return parse(
        """(float[1,3,16] x) => (y) {
            a = Conv(x, w0)
            ac = Clip(a, low, high)
            y = Conv<strides=[2]>(ac, w1) }""",
        w0=random(1, 5, 3, 3), w1=random(2, 4, 5, 3), **BOUNDS, **HIGH,
    )  # fmt: skip


def dense() -> ir.Model:
    return parse(
        """(float[1,6] x) => (y) {
            a = Gemm(x, w0)
            ac = Clip(a, zero, high)
            y = Gemm(ac, w1) }""",
        w0=random(1, 6, 8), w1=random(2, 8, 3), **BOUNDS, **HIGH,
    )  # fmt: skip


def spread(model: ir.Model) -> None:
    """Let the bounds of channels differ, some beyond what the channel ever reaches."""
    generator = np.random.default_rng(0)
    for value in model.graph.initializers.values():
        if (value.name or "").endswith("_bound") and value.const_value is not None:
            array: Array = value.const_value.numpy()
            factors = generator.uniform(0.3, 3.0, array.shape)
            value.const_value = ir.tensor((array * factors).astype(np.float32), name=value.name)


@pytest.mark.skipif(not has_vnni(), reason="ONNX Runtime computes otherwise on this processor")
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("network", [separable, one_dimensional, dense])
def test_bounds_by_channel_equal_onnx_runtime(
    network: Callable[[], ir.Model], per_channel: bool, tmp_path: Path
) -> None:
    model = per_channel_caps(normalize(network())).model
    spread(model)
    calibration = [random_feeds(model, seed) for seed in range(4)]
    result = quantize_minmax(model, calibration, QuantizationOptions(per_channel=per_channel))
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "capped.onnx")
    samples = [random_feeds(model, seed) for seed in range(10, 15)]
    assert file.farthest("ort-x86-vnni", samples) == 0
    lowered = lower(file.graph, load_profile("ort-x86-vnni"))
    kinds = {type(node.op) for node in lowered.nodes}
    assert not kinds & {fixed.Pairwise, fixed.Minimum, fixed.Maximum}
    # Bounds by channel are the requantizers' own, unless a reshape lies between.
    assert (fixed.Clamp in kinds) == (network is one_dimensional)
    selected = list(file.outputs("ort-x86-vnni", samples))
    for feeds, (expected,) in zip(samples, selected, strict=True):
        (found,) = vectorized.run(lowered, feeds).values()
        np.testing.assert_array_equal(found, expected)
        assert np.unique(found).size > 1
