# SPDX-License-Identifier: Apache-2.0
"""Ranges estimated without data, against the preprocessing that the networks were trained with."""

from pathlib import Path

import pytest

from intaglio.compiler.real.input_estimation.estimate_input import InputEstimate, estimate_input
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.errors import InvalidData
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real


def estimate(folder: Path, name: str) -> InputEstimate:
    model = normalize(NETWORKS[name].load(folder))
    return estimate_input(model, model.graph.inputs[0].name or "")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("mobilenet_v1_025", -1.0, 1.0),
        ("mobilenet_v1_075", -1.0, 1.0),
        ("resnet20", -2.118, 2.64),
        ("resnet32", -2.118, 2.64),
        ("resnet8", 0.0, 255.0),
        ("visual_wake_words", 0.0, 1.0),
    ],
)
def test_images(real_data: Path, name: str, low: float, high: float) -> None:
    found = estimate(real_data, name)
    assert (found.range.minimum, found.range.maximum) == (low, high)
    assert found.convention is not None


@pytest.mark.parametrize(
    ("name", "low", "high"),
    # The ranges that the quantized networks of the same origin have.
    [("keywords", -123.4, 25.7), ("anomalies", -84.9, 14.9)],
)
def test_spectra(real_data: Path, name: str, low: float, high: float) -> None:
    """Within a sixth below, and at most twice as wide: an estimate."""
    found = estimate(real_data, name)
    assert found.convention is None
    assert low - 0.17 * (high - low) < found.range.minimum < low + 0.17 * (high - low)
    assert found.range.maximum > high
    assert found.range.maximum - found.range.minimum < 2 * (high - low)


def test_without_statistics_it_says_what_to_give(real_data: Path) -> None:
    with pytest.raises(InvalidData, match="give --input-range data=LOW,HIGH, or --preproc"):
        estimate(real_data, "squeezenet")
