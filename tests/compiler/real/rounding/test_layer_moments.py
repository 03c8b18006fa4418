# SPDX-License-Identifier: Apache-2.0
"""Moments tell the error that a layer with other weights has, as running it shows."""

import numpy as np
import pytest

from intaglio.compiler.real.rounding.layer_moments import moment_sums
from tests.compiler.real.building import Array, parse, random, random_feeds, run

LAYERS: dict[str, tuple[str, Array]] = {
    "pointwise": (
        "float[N, 3, 5, 4] x) => (float[N, 4, A, B] y) { y = Conv (x, w) }",
        random(1, 4, 3, 1, 1),
    ),
    "padded on one side": (
        "float[N, 3, 7, 6] x) => (float[N, 4, A, B] y)"
        "{ y = Conv <pads = [0, 1, 2, 0], strides = [2, 1]> (x, w) }",
        random(2, 4, 3, 3, 2),
    ),
    "dilated, grouped": (
        "float[N, 4, 9, 9] x) => (float[N, 6, A, B] y)"
        "{ y = Conv <dilations = [2, 3], group = 2, pads = [1, 1, 1, 1]> (x, w) }",
        random(3, 6, 2, 3, 3),
    ),
    "depthwise with a multiplier": (
        "float[N, 3, 6, 6] x) => (float[N, 6, A, B] y)"
        "{ y = Conv <group = 3, pads = [1, 1, 1, 1]> (x, w) }",
        random(4, 6, 1, 3, 3),
    ),
    "one axis": (
        "float[N, 3, 9] x) => (float[N, 2, A] y) { y = Conv <strides = [2]> (x, w) }",
        random(5, 2, 3, 4),
    ),
    "three axes": (
        "float[N, 2, 4, 4, 3] x) => (float[N, 3, A, B, C] y) { y = Conv (x, w) }",
        random(6, 3, 2, 2, 1, 3),
    ),
    "gemm": (
        "float[N, 5] x) => (float[N, 3] y) { y = Gemm <transB = 1> (x, w) }",
        random(7, 3, 5),
    ),
    "matmul": ("float[N, 4, 5] x) => (float[N, 4, 3] y) { y = MatMul (x, w) }", random(8, 5, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_error_is_that_of_the_layer_run_on_the_data(name: str) -> None:
    text, weight = LAYERS[name]
    other = weight + random(9, *weight.shape) / 4
    wanted, found = (parse(f"({text}", w=array) for array in (weight, other))
    node = found.graph.node(0)
    sums = moment_sums(node, other, positions=1000)
    differences: list[Array] = []
    for seed in (0, 1):
        feeds, changed = random_feeds(wanted, seed, 3), random_feeds(wanted, seed + 10, 3)
        target = run(wanted, feeds)["y"]
        sums.add(changed["x"], target)
        differences.append(target - run(found, changed)["y"])
    moments = sums.moments()
    groups, outputs = moments.power.shape
    rows = other.T if name == "matmul" else other
    error = moments.error(rows.reshape(groups, outputs, -1).astype(np.float64))
    every = np.concatenate(differences)
    axis = 1 if node.op_type == "Conv" else every.ndim - 1
    others = tuple(i for i in range(every.ndim) if i != axis)
    assert error.ravel() == pytest.approx(np.square(every).mean(axis=others), rel=1e-4)
    centred = moments.centred().error(rows.reshape(groups, outputs, -1).astype(np.float64))
    assert centred.ravel() == pytest.approx(every.var(axis=others), rel=1e-4)
    assert moments.positions == every.size // every.shape[axis]


def test_some_positions_stand_for_all() -> None:
    text, weight = LAYERS["padded on one side"]
    model = parse(f"({text}", w=weight)
    node = model.graph.node(0)
    few, all_of_them = moment_sums(node, weight, 4), moment_sums(node, weight, 1000)
    feeds = random_feeds(model, 0, 400)
    target = run(model, feeds)["y"]
    for sums in (few, all_of_them):
        sums.add(feeds["x"], target)
    first, second = few.moments(), all_of_them.moments()
    assert (first.positions, second.positions) == (400 * 4, 400 * target[0, 0].size)
    assert np.abs(first.inputs - second.inputs).max() < 0.2
    assert first.error(np.zeros((1, 4, 18))) == pytest.approx(first.power)
