# SPDX-License-Identifier: Apache-2.0
"""The shared networks, diagnosed: nothing is left out, and the known culprits are found."""

from pathlib import Path

import pytest

from intaglio.commands.diagnose import Diagnosis, Subject, diagnose
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.numerics.profile import load_profile
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

PROFILE = load_profile("single-rounding")


def diagnosed(name: str, folder: Path, per_channel: bool, samples: int, alone: bool) -> Diagnosis:
    network = NETWORKS[name]
    model = network.load(folder)
    options = QuantizationOptions(per_channel=per_channel)
    result = quantize_minmax(model, list(network.feeds(folder, model, 5)), options)
    subject = Subject(name, normalize(model), result.normalized, result.model)
    feeds = list(network.feeds(folder, model, samples, skip=20))
    return diagnose(subject, feeds, PROFILE, alone=alone)


# One of each kind: depthwise, branches that meet in a Concat or an Add, matrix products alone.
@pytest.mark.parametrize("name", ["anomalies", "keywords", "resnet20", "squeezenet"])
def test_every_layer_and_every_value_is_compared(name: str, real_data: Path) -> None:
    found = diagnosed(name, real_data, per_channel=True, samples=1, alone=False)
    assert len(found.weights) >= 10
    for row in found.weights:
        assert row.weights is not None
        assert row.weights.decibels > 20
        assert row.together is not None
        assert 0 <= row.use.channels_least <= row.use.channels_median <= 1
    for value in found.activations:
        assert value.together is not None
        assert 0 < value.use.codes <= 1
    assert found.output.fidelity.decibels > 5
    assert found.output.rewritten is not None
    assert found.output.rewritten.largest_error == 0
    assert len(found.ranges) == len(found.weights)


@pytest.mark.slow
def test_depthwise_layers_ruin_a_mobilenet_with_one_scale_a_tensor(real_data: Path) -> None:
    found = diagnosed("mobilenet_v1_025", real_data, per_channel=False, samples=2, alone=True)
    worst = found.weights[:3]
    assert all("conv_dw" in row.node for row in worst)
    assert all(row.use.channels_median < 0.05 for row in worst)
    # As a tensor such a layer looks fine; its result doesn't, nor does the output.
    assert all(row.weights is not None and row.weights.decibels > 20 for row in worst)
    assert all(row.alone is not None and row.alone.output.decibels < 5 for row in worst)
    activation = found.activations[0].alone
    assert activation is not None
    assert activation.output.decibels > 15
