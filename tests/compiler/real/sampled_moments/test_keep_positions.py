# SPDX-License-Identifier: Apache-2.0
"""Averages over all positions become the middle position; all other means stay."""

import numpy as np
import pytest

from intaglio.compiler.real.sampled_moments.keep_positions import keep_positions
from tests.compiler.real.building import ops, parse, random, run

IMAGES = random(0, 2, 3, 5, 4)
AXES = np.array([2, 3])


@pytest.mark.parametrize(
    "node",
    [
        "y = GlobalAveragePool(x)",
        "y = AveragePool<kernel_shape=[5,4]>(x)",
        "y = ReduceMean<keepdims=1>(x, axes)",
    ],
)
def test_an_average_over_the_map_keeps_its_middle(node: str) -> None:
    model = parse(f"(float[n,3,5,4] x) => (float[n,3,1,1] y) {{ {node} }}", axes=AXES)
    found = run(keep_positions(model), {"x": IMAGES})
    np.testing.assert_array_equal(found["y"], IMAGES[:, :, 2:3, 2:3])
    assert "Slice" not in ops(model)


def test_a_mean_without_its_axes_keeps_its_shape_and_what_follows_its_names() -> None:
    model = parse(
        """(float[n,3,5,4] x) => (float[n,3] y) {
            m = ReduceMean<keepdims=0>(x, axes)
            y = Relu(m)
        }""",
        axes=-np.array([2, 1]),
    )
    kept = keep_positions(model)
    np.testing.assert_array_equal(run(kept, {"x": IMAGES})["y"], np.maximum(IMAGES[:, :, 2, 2], 0))
    assert "m" in {value.name for node in kept.graph for value in node.outputs}


@pytest.mark.parametrize(
    "nodes",
    [
        "y = AveragePool<kernel_shape=[2,2]>(x)",
        "m = ReduceMean<keepdims=1>(x, axes)\ny = Sub(x, m)",
        "y = ReduceMean<keepdims=1>(x)",
    ],
)
def test_windows_normalizations_and_means_over_everything_stay(nodes: str) -> None:
    model = parse(f"(float[n,3,5,4] x) => (float[a,b,c,d] y) {{ {nodes} }}", axes=AXES)
    assert ops(keep_positions(model)) == ops(model)


def test_a_single_position_is_its_own_average() -> None:
    model = parse("(float[n,3,1,1] x) => (float[n,3,1,1] y) { y = GlobalAveragePool(x) }")
    assert ops(keep_positions(model)) == ["GlobalAveragePool"]
