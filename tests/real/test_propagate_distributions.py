# SPDX-License-Identifier: Apache-2.0
"""Distributions known without data, against what real images do in the real networks."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.input_estimation.estimate_input import estimate_input
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Session
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

# A mean of many elements has less variance than one of them: only an upper bound is claimed.
AVERAGED = frozenset({"AveragePool", "GlobalAveragePool"})


@pytest.mark.parametrize("name", ["mobilenet_v1_025", "resnet20", "resnet8", "keywords"])
def test_means_and_spreads_are_near(real_data: Path, name: str) -> None:
    """Of half of the channels: mean within 0.35 std, std within a factor 1.8; ends hold for all."""
    network = NETWORKS[name]
    model = normalize(network.load(real_data))
    fed = model.graph.inputs[0].name or ""
    propagated = propagate_distributions(model, {fed: estimate_input(model, fed).distribution})
    assert propagated.missing == {}
    full = model.clone()
    returned = {value.name for value in full.graph.outputs}
    computed = [value for node in full.graph for value in node.outputs]
    full.graph.outputs.extend(value for value in computed if value.name not in returned)
    runs = list(map(Session(full, threads=1).run, network.feeds(real_data, model, 12)))
    averaged = False
    for node in model.graph:
        value = node.outputs[0].name or ""
        seen = np.concatenate([run[value] for run in runs]).astype(np.float64)
        seen = np.moveaxis(seen, 1, 0).reshape(seen.shape[1], -1)
        found = propagated.distributions[value]
        mean, variance = found.moments()
        std = seen.std(axis=1)
        slack = 1e-3 * std.max()
        assert (seen.min(axis=1) >= found.low - slack).all(), value
        assert (seen.max(axis=1) <= found.high + slack).all(), value
        live = std > 1e-3 * std.max()
        ratio = np.median(np.sqrt(variance)[live] / std[live])
        averaged = averaged or node.op_type in AVERAGED
        if averaged:
            assert ratio > 0.6, value
            continue
        assert np.median(np.abs(mean - seen.mean(axis=1))[live] / std[live]) < 0.35, value
        assert 1 / 1.8 < ratio < 1.8, value
