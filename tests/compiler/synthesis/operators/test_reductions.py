# SPDX-License-Identifier: Apache-2.0
"""Means, softmax and BatchNormalization as ONNX Runtime computes them."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import Array, random
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

SHAPES = [(4, 3), (2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 4)]


def statistics() -> dict[str, Array]:
    return {
        "scale": random(1, 3),
        "bias": random(2, 3),
        "mean": random(3, 3),
        "var": np.abs(random(4, 3)),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("given", [{}, {"epsilon": 0.25}, {"momentum": 0.5}])
def test_batch_normalization(shape: tuple[int, ...], given: dict[str, Attribute]) -> None:
    model = one_node("BatchNormalization", shape, given, statistics())
    assert_as_onnx_runtime(model)


def test_gradients_of_batch_normalization() -> None:
    assert_gradients(one_node("BatchNormalization", (2, 3, 2, 2), constants=statistics()))


def test_training_mode_is_refused() -> None:
    outputs = ("y", "running_mean", "running_var")
    given: dict[str, Attribute] = {"training_mode": 1}
    model = one_node("BatchNormalization", (2, 3), given, statistics(), outputs=outputs)
    with pytest.raises(UnsupportedModel, match=r"node sole \(BatchNorm.*: it is in training mode"):
        GraphModule(model)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2])
def test_softmax(shape: tuple[int, ...], axis: int | None) -> None:
    model = one_node("Softmax", shape, {} if axis is None else {"axis": axis})
    assert_as_onnx_runtime(model)


def test_gradients_of_softmax() -> None:
    assert_gradients(one_node("Softmax", (2, 3, 2), {"axis": 1}))


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_global_means(shape: tuple[int, ...]) -> None:
    model = one_node("GlobalAveragePool", shape)
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("axes", [None, [], [0], [2, 3], [-1, 1], [0, 1, 2, 3]])
@pytest.mark.parametrize("keepdims", [None, 0, 1])
@pytest.mark.parametrize("noop", [0, 1])
def test_means(axes: list[int] | None, keepdims: int | None, noop: int) -> None:
    given: dict[str, Attribute] = {"noop_with_empty_axes": noop}
    if keepdims is not None:
        given["keepdims"] = keepdims
    constants: dict[str, Array] = {} if axes is None else {"axes": np.array(axes, np.int64)}
    model = one_node("ReduceMean", (2, 3, 4, 5), given, constants)
    assert_as_onnx_runtime(model)


def test_gradients_of_means() -> None:
    assert_gradients(one_node("ReduceMean", (2, 3, 2, 2), constants={"axes": np.array([2, 3])}))
    assert_gradients(one_node("GlobalAveragePool", (2, 3, 2, 2)))
