# SPDX-License-Identifier: Apache-2.0
"""A walk computes what a program does, and what is added to a value is there for its readers."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Add, Clamp, Conv2d
from intaglio.compiler.ir.graph import Array, Graph, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics import IntType
from intaglio.numerics.accumulator import Accumulator
from intaglio.simulator import reference
from intaglio.simulator.vectorized.walk import walk
from tests.simulator.engines import ENGINES, assert_same_tensor, trace
from tests.simulator.random_graphs import cases
from tests.simulator.vectorized.networks import I32, U8, convolution


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_shows_every_node_as_the_engine_computes_it(data: st.DataObject) -> None:
    case = data.draw(cases())
    expected = trace(ENGINES[1], case.graph, case.inputs)
    shown: list[str] = []

    def visit(node: Node, results: Sequence[Array]) -> None:
        shown.append(node.name)
        for array in results:
            assert_same_tensor("walk", node.name, array, expected[node.name])

    walk(case.graph, [case.inputs, case.inputs], visit)
    assert shown == [node.name for node in case.graph.nodes]


def _convolution(bias: list[int]) -> Graph:
    weights = np.random.default_rng(1).integers(-127, 128, (4, 3, 3, 2))
    op = Conv2d(Accumulator(I32), pads=(1, 1, 1, 1), input_zero_point=9, pad_value=9)
    return convolution(op, (2, 5, 5, 2), weights, (2, 5, 5, 4), np.array(bias))


# The last ones leave the range that is proved for sums without them.
@pytest.mark.parametrize("added", [[5, -700, 0, 90_000], [2**31 - 2**20, -(2**30), 0, 1]])
def test_what_is_added_to_a_sum_does_what_a_bias_does(added: list[int]) -> None:
    rng = np.random.default_rng(3)
    batches = [{"x": rng.integers(0, 256, (2, 5, 5, 2), dtype=np.uint8)} for _ in range(3)]
    shown: dict[str, list[Array]] = {}

    def visit(node: Node, results: Sequence[Array]) -> NDArray[np.int64] | None:
        shown[node.name] = list(results)
        return np.array(added) if node.name == "acc" else None

    walk(_convolution([0, 0, 0, 0]), batches, visit)
    for at, batch in enumerate(batches):
        expected = reference.run(_convolution(added), batch)["y"]
        np.testing.assert_array_equal(shown["y"][at], expected)
        assert shown["y"][at].dtype == np.uint8


def test_what_follows_knows_how_far_a_value_may_have_moved() -> None:
    builder = Builder("case", Level.FIXED)
    x = builder.input("x", TensorType(U8, (1, 2)))
    wide = TensorType(IntType(9, signed=False), (1, 2))
    total = builder.node("sum", wide, Add(), [x, x])
    clamped = builder.node("y", wide, Clamp((0,), (300,)), [total])
    graph = builder.finish([clamped])
    shown: list[list[int]] = []

    def visit(node: Node, results: Sequence[Array]) -> NDArray[np.int64] | None:
        if node.name == "y":
            shown.append(results[0].ravel().tolist())
            return None
        return np.array([2**40, -(2**33) + 7])

    walk(graph, [{"x": np.array([[1, 2]], np.uint8)}], visit)
    assert shown == [[300, 0]]
