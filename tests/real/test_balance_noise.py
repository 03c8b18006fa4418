# SPDX-License-Identifier: Apache-2.0
"""Scales for least noise leave every shared network the same function, with less noise."""

from pathlib import Path

import pytest

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.equalization.balance_noise import balance_noise
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.options import QuantizationOptions
from tests.real.networks import NETWORKS
from tests.real.test_equalize_networks import difference

pytestmark = pytest.mark.real

REGIONS = {
    "mobilenet_v1_025": 27,
    "mobilenet_v1_075": 27,
    "squeezenet": 0,
    "resnet20": 10,
    "resnet32": 16,
    "resnet8": 6,
    "keywords": 9,
    "visual_wake_words": 27,
    "anomalies": 9,
}
"""How many regions are scaled; without BatchNorm there is nothing to tell noise from."""


@pytest.mark.parametrize("name", NETWORKS)
def test_the_function_stays_and_noise_falls(name: str, real_data: Path) -> None:
    model = normalize(NETWORKS[name].load(real_data))
    capped = per_channel_caps(model).model
    equalized = equalize_layers(capped, EqualizationOptions(activation_share=0.3)).model
    balanced = balance_noise(equalized, QuantizationOptions(per_channel=False))
    print(f"{name}: {balanced.summary}")
    assert difference(model, balanced.model, name, real_data) <= 1e-4
    scaled = [note for note in balanced.notes if note.figures]
    assert len(scaled) == REGIONS[name]
    assert all(note.figures["after"] < note.figures["before"] for note in scaled)
