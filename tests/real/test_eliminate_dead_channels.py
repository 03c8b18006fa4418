# SPDX-License-Identifier: Apache-2.0
"""Dead channels of the real networks: as many as were counted by hand, and nobody misses them."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.real.dead_channels.eliminate_dead_channels import eliminate_dead_channels
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Session
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "estimated"),
    [
        ("mobilenet_v1_025", 21),
        ("mobilenet_v1_075", 42),
        ("resnet20", 18),
        ("resnet32", 36),
        ("resnet8", 0),
        ("keywords", 0),
        ("visual_wake_words", 1603),
        ("anomalies", 7),
        ("squeezenet", 0),
    ],
)
def test_the_outputs_stay_the_same(real_data: Path, name: str, estimated: int) -> None:
    network = NETWORKS[name]
    model = normalize(network.load(real_data))
    outcome = eliminate_dead_channels(model)
    assert outcome.summary.startswith(f"{estimated} channels estimated constant")
    before, after = Session(model, threads=1), Session(outcome.model, threads=1)
    for feeds in network.feeds(real_data, model, 8):
        for output, array in before.run(feeds).items():
            found = after.run(feeds)[output]
            assert np.abs(found - array).max() <= 1e-4 * np.ptp(array)
