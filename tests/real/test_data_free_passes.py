# SPDX-License-Identifier: Apache-2.0
"""What scales real networks keeps their function; what chooses ranges covers all values."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import (
    Propagated,
    propagate_distributions,
)
from intaglio.compiler.real.equalization.align_scales import align_scales
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.ranges.calibrated_ranges import RULES, calibrated_ranges
from intaglio.compiler.real.ranges.data_free_ranges import (
    DataFreeRule,
    SigmaRule,
    WeightedErrorRule,
    data_free_ranges,
)
from intaglio.compiler.real.ranges.histograms import observe_histograms
from intaglio.compiler.real.roles import quantized_values
from intaglio.errors import InvalidData
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

SHIFTS = QuantizationOptions(per_channel=False, power_of_two_scales=True)


def propagated(model: ir.Model) -> Propagated:
    """With inputs between -3 and 3."""
    inputs: dict[str, ChannelDistribution] = {}
    for value in model.graph.inputs:
        ends = np.full(1, 3.0)
        inputs[value.name or ""] = ChannelDistribution(np.zeros(1), np.ones(1), -ends, ends)
    return propagate_distributions(model, inputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_scaled_networks_are_the_same_function(name: str, real_data: Path) -> None:
    network = NETWORKS[name]
    loaded = network.load(real_data)
    model = per_channel_caps(normalize(loaded)).model
    equalized = equalize_layers(model, EqualizationOptions(activation_share=0.25)).model
    aligned = align_scales(equalized, propagated(equalized).distributions, SHIFTS)
    print(f"{name}: {aligned.summary}")
    (feeds,) = network.feeds(real_data, loaded, 1)
    before = Session(loaded).run(feeds)
    after = Session(aligned.model).run(feeds)
    for output, expected in before.items():
        difference = float(np.abs(after[output] - expected).max() / np.ptp(expected))
        assert difference <= 1e-4


@pytest.mark.parametrize("rule", [SigmaRule(), WeightedErrorRule()], ids=["sigma", "error"])
@pytest.mark.parametrize("name", ["mobilenet_v1_025", "resnet20", "keywords", "visual_wake_words"])
def test_every_value_gets_a_range_that_data_fills(
    name: str, rule: DataFreeRule, real_data: Path
) -> None:
    network = NETWORKS[name]
    loaded = network.load(real_data)
    model = normalize(loaded)
    known = propagated(model)
    encoding = QuantizationOptions().activations
    found = data_free_ranges(model, known.distributions, rule, encoding, known.missing)
    wanted = {value.name for value in quantized_values(model.graph)}
    assert set(found) == wanted
    if name not in ("mobilenet_v1_025", "resnet20"):
        return  # no data, or data far from what the network was trained on
    seen = observe(model, network.feeds(real_data, loaded, 5), set(found))
    spans = [
        (found[key].maximum - found[key].minimum) / max(value.maximum - value.minimum, 1e-6)
        for key, value in seen.values.items()
    ]
    print(f"{name}: ranges are {np.quantile(spans, [0, 0.5, 1])} of what five samples show")
    assert 0.3 < float(np.median(spans)) < 5


def test_a_network_without_batch_normalization_is_refused_by_name(real_data: Path) -> None:
    model = normalize(NETWORKS["squeezenet"].load(real_data))
    known = propagate_distributions(model)
    values = [v for v in quantized_values(model.graph) if v.name not in known.distributions]
    assert len(values) > 20
    encoding = QuantizationOptions().activations
    with pytest.raises(InvalidData) as caught:
        data_free_ranges(model, known.distributions, SigmaRule(), encoding, known.missing)
    assert all((value.name or "") in str(caught.value) for value in values)
    assert "--calibration" in str(caught.value)


def test_calibration_rules_agree_on_what_they_share(real_data: Path) -> None:
    network = NETWORKS["mobilenet_v1_025"]
    loaded = network.load(real_data)
    model = normalize(loaded)
    names = {value.name or "" for value in quantized_values(model.graph)}
    observed = observe_histograms(model, network.feeds(real_data, loaded, 4), names)
    assert observed.statistics == observe(model, network.feeds(real_data, loaded, 4), names)
    assert all(
        value.histogram.count == value.statistics.count for value in observed.values.values()
    )
    encoding = QuantizationOptions().activations
    ranges = {key: calibrated_ranges(observed, rule, encoding) for key, rule in RULES.items()}
    for name, whole in ranges["min-max"].items():
        for rule, found in ranges.items():
            assert found[name].union(whole) == whole.union(type(whole)(0.0, 0.0)), (rule, name)
            assert found[name].maximum > 0
