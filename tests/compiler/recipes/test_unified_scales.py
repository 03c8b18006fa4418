# SPDX-License-Identifier: Apache-2.0
"""Additions of equal scales, and biases of few bits, go all the way to integers."""

from pathlib import Path

import pytest

from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.compiler.real.building import parse, random, random_feeds
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.processor import has_vnni


@pytest.mark.skipif(not has_vnni(), reason="ONNX Runtime computes otherwise on this processor")
@pytest.mark.parametrize(
    "options",
    [
        QuantizationOptions(unify_scales=True),
        QuantizationOptions(unify_scales=True, power_of_two_scales=True, per_channel=False),
        QuantizationOptions(bias_bits=12),
        QuantizationOptions(bias_bits=10, per_channel=False, weight_range="mse"),
    ],
)
def test_the_written_file_is_simulated_bit_by_bit(
    options: QuantizationOptions, tmp_path: Path
) -> None:
    model = parse(
        """(float[1,3,6,6] x) => (y) {
            a = Conv<pads=[1,1,1,1]>(x, w, b)
            r = Relu(a)
            c = Conv<pads=[1,1,1,1]>(r, v, d)
            s = Add(c, x)
            t = Relu(s)
            y = Conv(t, u) }""",
        w=random(1, 4, 3, 3, 3), b=5 * random(2, 4), v=random(3, 3, 4, 3, 3), d=random(4, 3),
        u=random(5, 2, 3, 1, 1),
    )  # fmt: skip
    calibration = [random_feeds(model, seed) for seed in range(4)]
    result = quantize_minmax(model, calibration, options)
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "quantized.onnx")
    samples = [random_feeds(model, seed) for seed in range(10, 15)]
    assert file.farthest("ort-x86-vnni", samples) == 0
    if options.unify_scales:
        assert result.plan.activations["c"] == result.plan.activations["t"]
        assert 0 < result.plan.activations["t"].zero_points[0]
