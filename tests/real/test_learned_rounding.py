# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits: what rounding to nearest loses on real networks, learning brings back."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions, parse_bits
from intaglio.compiler.real.rounding.learn_rounding import learn_rounding
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.real.networks import NETWORKS

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "calibrating", "evaluated", "bits", "gain", "agreeing"),
    [
        ("resnet8", 100, 300, "w4a8", 20.0, 0.88),
        ("mobilenet_v1_025", 40, 40, "w4a8", 10.0, 0.45),
    ],
)
def test_low_bits(
    name: str,
    calibrating: int,
    evaluated: int,
    bits: str,
    gain: float,
    agreeing: float,
    real_data: Path,
) -> None:
    network = NETWORKS[name]
    model = network.load(real_data)
    weights, activations = parse_bits(bits)
    data = _joined(list(network.feeds(real_data, model, calibrating)), 10)
    options = QuantizationOptions(weight_bits=weights, activation_bits=activations)
    nearest = quantize_minmax(model, data, options)
    learned = learn_rounding(nearest.normalized, nearest.plan, data)
    unseen = _joined(list(network.feeds(real_data, model, evaluated, skip=calibrating)), 10)
    wanted = _outputs(nearest.normalized, unseen)
    before = _outputs(nearest.model, unseen)
    after = _outputs(insert_quantization(learned.outcome.model, learned.plan), unseen)
    agreement = float((after.argmax(axis=1) == wanted.argmax(axis=1)).mean())
    errors = [float(np.square(found - wanted).mean() / wanted.var()) for found in (before, after)]
    print(f"{name} {bits}: error {errors[0]:.4f} -> {errors[1]:.4f}, {agreement:.3f} agree")
    assert errors[1] * gain < errors[0]
    assert agreement >= agreeing


def _joined(samples: list[Feeds], size: int) -> list[Feeds]:
    """Batches of that size."""
    return [
        {key: np.concatenate([s[key] for s in samples[at : at + size]]) for key in samples[at]}
        for at in range(0, len(samples), size)
    ]


def _outputs(model: ir.Model, batches: list[Feeds]) -> Array:
    session = Session(model, threads=1)
    results = [next(iter(session.run(feeds).values())) for feeds in batches]
    return np.concatenate([array.reshape(len(array), -1) for array in results])
