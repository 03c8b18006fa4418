# SPDX-License-Identifier: Apache-2.0
"""What every engine demands of its inputs, and what it hands to an observer."""

from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.text import parse_graph
from intaglio.errors import InvalidData, InvalidGraph
from tests.simulator.engines import ENGINES, Engine, assert_same_tensor
from tests.simulator.text_cases import fixed_graph

GRAPH = fixed_graph(
    """
    %x: u3[2] = input
    %f: f32[1] = input
    %k: u3[2] = constant [1, 2]
    %a: u4[2] = add(%x, %k)
    %q: i8[1] = quantize(%f) scale=f32(1) zero_point=0 rounding=floor
    %b: i9[2] = add(%a, %q)
    %y: i10[2] = subtract(%b, %a)
    """
)
INPUTS: dict[str, Array] = {"x": np.array([7, 0]), "f": np.array([-1.5], np.float32)}

each_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


@each_engine
@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"x": None}, "graph case: found no input x, expected the inputs"),
        ({"z": np.array([1])}, "an unknown input z"),
        ({"x": np.array([[1, 2]])}, r"input x: found shape \(1, 2\), expected \(2,\)"),
        ({"x": np.array([1.0, 2.0])}, "input x: found float64, expected integers of u3"),
        ({"x": np.array([True, False])}, "input x: found bool, expected integers of u3"),
        ({"x": np.array([0, 8])}, r"input x: found the value 8, expected 0\.\.7 \(u3\)"),
        ({"x": np.array([-1, 7])}, "input x: found the value -1"),
        ({"f": np.array([1.0])}, "input f: found float64, expected float32"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    engine: Engine, inputs: dict[str, Any], sentence: str
) -> None:
    given = {name: array for name, array in (INPUTS | inputs).items() if array is not None}
    with pytest.raises(InvalidData, match=sentence):
        engine.run(GRAPH, given, None)


@each_engine
def test_the_observer_sees_inputs_then_nodes_in_order(engine: Engine) -> None:
    seen: list[tuple[str, str, list[float]]] = []
    outputs = engine.run(
        GRAPH, INPUTS, lambda name, array: seen.append((name, str(array.dtype), array.tolist()))
    )
    assert seen == [
        ("x", "uint8", [7, 0]),
        ("f", "float32", [-1.5]),
        ("a", "uint8", [8, 2]),
        ("q", "int8", [-2]),
        ("b", "int16", [6, 0]),
        ("y", "int16", [-2, -2]),
    ]
    assert list(outputs) == ["y"]
    assert outputs["y"].tolist() == engine.run(GRAPH, INPUTS, None)["y"].tolist() == [-2, -2]


@each_engine
def test_inputs_and_constants_may_be_outputs(engine: Engine) -> None:
    graph = parse_graph(
        """
        graph through fixed
        %x: i8[1] = input
        %k: i8[1] = constant [5]
        return %x, %k
        """
    )
    outputs = engine.run(graph, {"x": np.array([3], np.int8)}, None)
    assert {name: array.tolist() for name, array in outputs.items()} == {"x": [3], "k": [5]}


@each_engine
def test_a_scaled_graph_states_no_arithmetic(engine: Engine) -> None:
    graph = parse_graph(
        """
        graph scaled scaled
        %x: i8[1,1,1,1]{scale=f32(1)} = input
        %y: i8[1,1,1,1]{scale=f32(1)} = max_pool2d(%x) kernel=[1, 1]
        return %y
        """
    )
    with pytest.raises(InvalidGraph, match="scaled level"):
        engine.run(graph, {"x": np.zeros((1, 1, 1, 1), np.int8)}, None)


def test_a_difference_is_told_by_value_index_and_both_elements() -> None:
    found, expected = np.array([[1, 2], [3, 4]]), np.array([[1, 2], [9, 5]])
    with pytest.raises(AssertionError, match=r"other: %y\[1, 0\] is 3, expected 9 \(2 of 4"):
        assert_same_tensor("other", "y", found, expected)


def test_a_difference_of_dtype_shape_or_sign_of_zero_counts() -> None:
    zero = np.zeros(1, np.float32)
    for found in (-zero, zero.astype(np.float64), zero.reshape(())):
        with pytest.raises(AssertionError, match="other: %y"):
            assert_same_tensor("other", "y", found, zero)
