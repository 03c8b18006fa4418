# SPDX-License-Identifier: Apache-2.0
"""Functions of each element as ONNX Runtime computes them."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import random
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

CASES: list[tuple[str, dict[str, Attribute]]] = [
    ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}),
    ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 0.75, "beta": -0.25}),
    ("HardSwish", {}),
    ("Identity", {}),
    ("LeakyRelu", {}),
    ("LeakyRelu", {"alpha": 0.5}),
    ("Relu", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
]
# From far below to far above every bend.
WIDE = np.concatenate([np.linspace(-8, 8, 1001), [-100, 100, 0.0, -0.0]]).astype(np.float32)


@pytest.mark.parametrize(("op", "given"), CASES)
def test_functions(op: str, given: dict[str, Attribute]) -> None:
    model = one_node(op, ("N", len(WIDE)), given)
    assert_as_onnx_runtime(model, {"x": WIDE[None, :]})


@pytest.mark.parametrize(("op", "given"), CASES)
def test_gradients(op: str, given: dict[str, Attribute]) -> None:
    assert_gradients(one_node(op, (2, 6), given))


@pytest.mark.parametrize("bounds", [(-0.5, 1.5), (2.0, -2.0), (-np.inf, 0.25), (0.0, 6.0)])
@pytest.mark.parametrize("absent", ["neither", "low", "high"])
def test_clips(bounds: tuple[float, float], absent: str) -> None:
    shape = ("N", len(WIDE))
    low, high = np.array(bounds[0], np.float32), np.array(bounds[1], np.float32)
    match absent:
        case "neither":
            model = one_node(
                "Clip", ("N", len(WIDE)), constants={"low": np.array(low), "high": np.array(high)}
            )
        case "low":
            operands = ["", "high"]
            model = one_node(
                "Clip", ("N", len(WIDE)), constants={"high": np.array(high)}, operands=operands
            )
        case _:
            model = one_node("Clip", shape, constants={"low": low})
    assert_as_onnx_runtime(model, {"x": WIDE[None, :]})


def test_a_clip_without_bounds_passes_everything() -> None:
    assert_as_onnx_runtime(one_node("Clip", ("N", len(WIDE))), {"x": WIDE[None, :]})


def test_gradients_of_a_clip_stop_at_its_bounds() -> None:
    low, high = np.array(-0.5, np.float32), np.array(0.75, np.float32)
    assert_gradients(one_node("Clip", (3, 6), constants={"low": low, "high": high}))


def test_bounds_that_are_no_numbers_are_refused() -> None:
    model = one_node("Clip", (1, 2), constants={"low": np.zeros((2, 2), np.float32)})
    with pytest.raises(UnsupportedModel, match=r"its input 2 has the shape \[2, 2\], not one"):
        GraphModule(model)


@pytest.mark.parametrize("shape", [(1,), (5,), (4, 1), (3, 1, 1), (3, 4, 5), (1, 3, 1, 1)])
def test_slopes_of_every_shape(shape: tuple[int, ...]) -> None:
    model = one_node("PRelu", (2, 3, 4, 5), constants={"slope": random(1, *shape)})
    assert_as_onnx_runtime(model)


def test_gradients_follow_slopes() -> None:
    assert_gradients(one_node("PRelu", (2, 3, 2), constants={"slope": random(1, 3, 1)}))
