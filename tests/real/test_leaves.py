# SPDX-License-Identifier: Apache-2.0
"""Layers of real networks without BatchNormalization answer to leaves much as to photographs."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from benchmarks.folded_network import folded_network
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.sampled_moments.keep_positions import keep_positions
from intaglio.compiler.real.sampled_moments.note_moments import note_moments
from intaglio.compiler.recipes.batching import in_batches
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.noise import Start, noise
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

CAFFE, IMAGENET = Range(-123.68, 151.061), Range(-2.118, 2.64)


def _described(value: ir.Value, reach: Range) -> InputDescription:
    assert value.shape is not None
    shape = tuple(dim for dim in value.shape[1:] if isinstance(dim, int))
    middle, quarter = (reach.maximum + reach.minimum) / 2, (reach.maximum - reach.minimum) / 4
    distribution = ChannelDistribution.normal(np.array([middle]), np.array([quarter]))
    return InputDescription(shape, reach, distribution)


def _stds(model: ir.Model, batches: list[Feeds], seen: ir.Model | None = None) -> list[float]:
    return [note.figures["std"] for note in note_moments(model, batches, seen).notes]


@pytest.mark.parametrize(
    ("name", "reach", "samples"), [("squeezenet", CAFFE, 8), ("resnet20", IMAGENET, 48)]
)
def test_spreads_of_layers_are_within_a_factor_of_two(
    name: str, reach: Range, samples: int, real_data: Path
) -> None:
    model = folded_network(NETWORKS[name].load(real_data))
    real = np.array(_stds(model, list(NETWORKS[name].feeds(real_data, model, samples))))
    (value,) = model.graph.inputs
    inputs = {value.name or "": _described(value, reach)}

    starts: tuple[Start, Start] = ("leaves", "normal")
    batches = [in_batches(model, noise(inputs, samples, 0, start)) for start in starts]
    found = [np.array(_stds(model, each, keep_positions(model))) for each in batches]
    leaves, plain = (np.log2(stds / real) for stds in found)
    assert np.abs(leaves).max() < 1
    assert np.sqrt(np.mean(leaves**2)) < 0.75 * np.sqrt(np.mean(plain**2))
