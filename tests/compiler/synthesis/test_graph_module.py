# SPDX-License-Identifier: Apache-2.0
"""The real graph as a module: same values as ONNX Runtime, gradients, and what it refuses."""

import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.synthesis import graph_module
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.prepared_model import prepare
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import Array, parse, random, random_feeds, run
from tests.compiler.real.test_old_opsets import CASES, FEEDS, written
from tests.compiler.synthesis.executing import assert_as_onnx_runtime, assert_gradients, tensors

_NOT_SUPPORTED = re.compile("QuantizeLinear|Dropout|reflect")

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


@pytest.mark.parametrize(
    ("opset", "body"),
    [(opsets[0], body) for opsets, body in CASES if not _NOT_SUPPORTED.search(body)],
)
def test_files_of_old_opsets(tmp_path: Path, opset: int, body: str) -> None:
    path, _ = written(body, opset, tmp_path)
    assert_as_onnx_runtime(prepare(load_model(path)), FEEDS)


NETWORKS = {
    "inverted residual with hard swish and squeeze and excitation": """
        (float[N, 4, 8, 8] x) => (float[N, 4, 8, 8] y) {
            e = Conv(x, expand)
            n = BatchNormalization(e, s8, s8, s8, v8)
            a = HardSwish(n)
            d = Conv<group = 8, pads = [1, 1, 1, 1]>(a, deep)
            g = GlobalAveragePool(d)
            c = Conv(g, mix)
            h = HardSigmoid<alpha = 0.166667>(c)
            m = Mul(d, h)
            p = Conv(m, project)
            y = Add(p, x)
        }""",
    "branches that are concatenated and split": """
        (float[N, 4, 8, 8] x) => (float[N, 8, 8, 8] y, float[N, 2, 4, 4] z) {
            a = Conv(x, project4)
            b = Conv<pads = [1, 1, 1, 1]>(x, spatial)
            c = Concat<axis = 1>(a, b)
            y = Relu(c)
            u, v = Split<axis = 1, num_outputs = 4>(y)
            z = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(u)
        }""",
    "one spatial axis": """
        (float[N, 4, 16] x) => (float[N, 3] y) {
            a = Conv<pads = [1, 1], strides = [2]>(x, line)
            b = PRelu(a, slope)
            c = ReduceMean<keepdims = 0>(b, last)
            y = Gemm<transB = 1>(c, matrix)
        }""",
    "two inputs": """
        (float[N, 4] x, float[N, 4] z) => (float[N, 3] y) {
            a = Gemm<transB = 1>(x, matrix4)
            b = Tanh(a)
            c = Sub(b, z)
            d = Mul(c, x)
            y = MatMul(d, matrix43)
        }""",
}
WEIGHTS: dict[str, Array] = {
    "expand": random(1, 8, 4, 1, 1),
    "s8": random(2, 8),
    "v8": np.abs(random(3, 8)) + 0.1,
    "deep": random(4, 8, 1, 3, 3),
    "mix": random(5, 8, 8, 1, 1),
    "project": random(6, 4, 8, 1, 1),
    "project4": random(7, 4, 4, 1, 1),
    "spatial": random(8, 4, 4, 3, 3),
    "line": random(9, 5, 4, 3),
    "slope": random(10, 5, 1),
    "last": np.array([2]),
    "matrix": random(11, 3, 5),
    "matrix4": random(12, 4, 4),
    "matrix43": random(13, 4, 3),
}


def network(name: str) -> ir.Model:
    text = NETWORKS[name]
    return parse(text, **{key: array for key, array in WEIGHTS.items() if f" {key}" in text})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_networks_on_a_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # whose products have 10 bits
    assert_as_onnx_runtime(prepare(network(name)), device="cuda")


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("form", [prepare, normalize])
def test_networks_of_other_kinds(name: str, form: Callable[[ir.Model], ir.Model]) -> None:
    model = network(name)
    assert_as_onnx_runtime(form(model), random_feeds(model, batch=3))
    assert_gradients(form(model), random_feeds(model, batch=1), fast=True)


def test_watching_keeps_a_value_and_changes_none() -> None:
    model = parse(RESIDUAL, **constants())
    module, feeds = GraphModule(model), tensors(random_feeds(model))
    alone: dict[str, torch.Tensor] = module(feeds)
    values = [output.name or "" for node in model.graph for output in node.outputs]
    watching: dict[str, torch.Tensor] = module(feeds, values)
    assert set(watching) == set(values)
    assert torch.equal(watching["y"], alone["y"])


def test_values_that_no_one_needs_any_more_are_released(monkeypatch: pytest.MonkeyPatch) -> None:
    model = parse(
        """(float[N, 4] x) => (float[N, 4] y) {
            a = Relu(x) b = Tanh(a) c = Sigmoid(b) d = Add(c, a) y = Tanh(d)
        }"""
    )
    module, alive, made = GraphModule(model), list[int](), list[weakref.ref[torch.Tensor]]()

    def counting(step: object, operands: object) -> tuple[torch.Tensor, ...]:
        alive.append(sum(each() is not None for each in made))
        results: tuple[torch.Tensor, ...] = original(step, operands)
        made.extend(map(weakref.ref, results))
        return results

    original: Any = vars(graph_module)["_run"]
    monkeypatch.setattr(graph_module, "_run", counting)
    with torch.no_grad():
        module(tensors(random_feeds(model)))
        assert alive == [0, 1, 2, 2, 1]  # at the beginning of each node
        alive.clear()
        made.clear()
        module(tensors(random_feeds(model)), ["b"])
        assert alive == [0, 1, 2, 3, 2]


def test_weights_move_with_the_module() -> None:
    module = GraphModule(parse(RESIDUAL, **constants()))
    assert {buffer.dtype for buffer in module.buffers()} == {torch.float32}
    assert {buffer.device.type for buffer in module.to("meta").buffers()} == {"meta"}
    shapes: dict[str, torch.Tensor] = module({"x": torch.empty(5, 3, 8, 8, device="meta")})
    assert shapes["y"].shape == (5, 4, 8, 8)


def test_constants_that_nodes_share_are_stored_once() -> None:
    module = GraphModule(
        parse("(float[2, 3] x) => (float[2, 3] y) { a = Add(x, c) y = Mul(a, c) }", c=random(1, 3))
    )
    assert len(list(module.buffers())) == 1
