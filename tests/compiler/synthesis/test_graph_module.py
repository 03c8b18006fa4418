# SPDX-License-Identifier: Apache-2.0
"""The real graph as a module: same values as ONNX Runtime, gradients, and what it refuses."""

import numpy as np
import pytest
import torch

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import Array, parse, random, random_feeds, run

RESIDUAL = """(float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] y) {
    [first] h = Conv<pads = [1, 1, 1, 1]>(x, w, b)
    [norm] n = BatchNormalization(h, scale, bias, mean, var)
    r = Relu(n)
    [second] s = Conv<pads = [1, 1, 1, 1]>(r, v)
    y = Add(s, r)
}"""


def constants() -> dict[str, Array]:
    return {
        "w": random(1, 4, 3, 3, 3),
        "b": random(2, 4),
        "scale": random(3, 4),
        "bias": random(4, 4),
        "mean": random(5, 4),
        "var": np.abs(random(6, 4)) + 0.5,
        "v": random(7, 4, 4, 3, 3),
    }


def test_outputs_and_watched_values_equal_onnx_runtime() -> None:
    model = parse(RESIDUAL, **constants())
    feeds = random_feeds(model, batch=3)
    module = GraphModule(model)
    found = module({"x": torch.tensor(feeds["x"])}, ["h", "r", "x"])
    assert list(found) == ["y", "h", "r", "x"]
    np.testing.assert_allclose(found["y"], run(model, feeds)["y"], atol=1e-5)
    np.testing.assert_array_equal(found["x"], feeds["x"])
    np.testing.assert_array_equal(found["r"].shape, (3, 4, 8, 8))


def test_gradients_reach_the_input_and_no_weight() -> None:
    module = GraphModule(parse(RESIDUAL, **constants())).double()
    x = torch.tensor(random(0, 1, 3, 8, 8), dtype=torch.float64, requires_grad=True)
    assert list(module.parameters()) == []

    def function(x: torch.Tensor) -> torch.Tensor:
        outputs: dict[str, torch.Tensor] = module({"x": x})
        return outputs["y"]

    assert torch.autograd.gradcheck(function, (x,))


def test_nodes_that_cannot_be_computed_are_all_named() -> None:
    model = parse(
        """(float[N, 4] x) => (float[N, 4] y) {
            [first] a = Sin(x)
            [second] b = Cos(a)
            y = Relu(b)
        }"""
    )
    with pytest.raises(UnsupportedModel) as caught:
        GraphModule(model)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "node first (Sin)",
        "node second (Cos)",
    ]


def test_feeds_and_watched_names_are_checked() -> None:
    module = GraphModule(parse(RESIDUAL, **constants()))
    with pytest.raises(InvalidData, match=r"found z, expected x"):
        module({"z": torch.zeros(1, 3, 8, 8)})
    with pytest.raises(InvalidData, match=r"found gone, expected names of values"):
        module({"x": torch.zeros(1, 3, 8, 8)}, ["gone"])
    with pytest.raises(InvalidData, match=r"node first \(Conv\): found operands of the shapes"):
        module({"x": torch.zeros(1, 5, 8, 8)})
