# SPDX-License-Identifier: Apache-2.0
"""Slacks by hand: quantiles of what Gaussian samples miss targets by."""

import numpy as np
import pytest
import torch

from intaglio.compiler.synthesis.channel_moments import EPSILON
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.slack import with_slack
from tests.compiler.real.building import parse, random, run

MODEL = parse(
    "(float[N,3,8,8] x) => (y) { a = Conv(x, w) b = Relu(a) y = Conv(b, v) }",
    w=random(0, 10, 3, 3, 3),
    v=random(1, 7, 10, 3, 3),
)
TARGETS = [
    LayerTarget(name, *(random(seed, 2, n).astype(np.float64) ** 2))
    for name, n, seed in (("a", 10, 2), ("y", 7, 3))
]


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.9, 1.0])
def test_slack_is_the_quantile_of_what_gaussian_samples_miss_by(quantile: float) -> None:
    gaussian = random(5, 20, 3, 8, 8)
    shown = MODEL.clone()
    shown.graph.outputs.insert(0, next(iter(shown.graph)).outputs[0])
    seen = run(shown, {"x": gaussian})
    feeds = {"x": torch.tensor(gaussian)}
    found = with_slack(GraphModule(MODEL), TARGETS, feeds, quantile)
    for target, slacked in zip(TARGETS, found, strict=True):
        channels = np.moveaxis(seen[target.value].astype(np.float64), 1, 0)
        flat = channels.reshape(len(channels), -1)
        off_mean = np.abs(flat.mean(1) - target.mean)
        off_std = np.abs(np.sqrt(flat.var(1) + EPSILON) - np.sqrt(target.std**2 + EPSILON))
        np.testing.assert_allclose(slacked.slack_mean, np.quantile(off_mean, quantile), rtol=1e-3)
        np.testing.assert_allclose(slacked.slack_std, np.quantile(off_std, quantile), rtol=1e-3)
        assert slacked.value == target.value
        assert slacked.mean is target.mean
        assert slacked.std is target.std


def test_samples_as_wanted_leave_no_slack() -> None:
    gaussian = random(6, 10, 3, 8, 8)
    module = GraphModule(MODEL)
    feeds = {"x": torch.tensor(gaussian)}
    output = module(feeds)["y"].double().numpy()
    target = LayerTarget("y", output.mean((0, 2, 3)), output.std((0, 2, 3)))
    (found,) = with_slack(module, [target], feeds, 0.9)
    assert found.slack_mean < 1e-5
    assert found.slack_std < 1e-5


def test_no_gradient_is_kept() -> None:
    feeds = {"x": torch.tensor(random(7, 2, 3, 8, 8), requires_grad=True)}
    found = with_slack(GraphModule(MODEL), TARGETS, feeds, 0.9)
    assert all(isinstance(target.slack_mean, float) for target in found)
