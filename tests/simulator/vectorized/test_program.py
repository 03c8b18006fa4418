# SPDX-License-Identifier: Apache-2.0
"""A program runs many times, with and without an observer, and holds no more than it must."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.graph import Array
from intaglio.simulator.vectorized import Program
from tests.simulator.engines import ENGINES, assert_same_tensor, trace
from tests.simulator.random_graphs import STEPS, cases
from tests.simulator.text_cases import fixed_graph
from tests.simulator.vectorized.networks import chain


@pytest.mark.parametrize("step", STEPS)
@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_without_an_observer_the_outputs_are_the_same(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step))
    expected = trace(ENGINES[1], case.graph, case.inputs)
    expected |= {constant.name: constant.array for constant in case.graph.constants}
    for name, array in Program(case.graph).run(case.inputs).items():
        assert_same_tensor("unobserved", name, array, expected[name])


def images(count: int, side: int) -> list[dict[str, Array]]:
    rng = np.random.default_rng(3)
    return [{"x": rng.integers(0, 256, (1, side, side, 8), dtype=np.uint8)} for _ in range(count)]


def test_one_program_serves_many_threads() -> None:
    program, inputs = Program(chain(6, 32)), images(40, 32)
    expected = [program.run(given)["y_6"] for given in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = [outputs["y_6"] for outputs in pool.map(program.run, inputs)]
    np.testing.assert_array_equal(found, expected)


def test_a_run_does_not_change_the_program_or_its_inputs() -> None:
    program, (given, other) = Program(chain(3, 16)), images(2, 16)
    kept = given["x"].copy()
    first = program.run(given)["y_3"].copy()
    program.run(other)
    np.testing.assert_array_equal(program.run(given)["y_3"], first)
    np.testing.assert_array_equal(given["x"], kept)


def test_memory_does_not_grow_with_depth() -> None:
    side = 256
    value = side * side * 8

    def peak(length: int) -> int:
        program, (given,) = Program(chain(length, side)), images(1, side)
        tracemalloc.start()
        program.run(given)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # Values of one byte an element: accumulators of four are never stored whole.
    assert peak(12) < peak(3) + value // 2
    assert peak(12) < 5 * value


def test_constants_and_inputs_may_be_outputs() -> None:
    graph = fixed_graph(
        """
        %x: u8[2] = input
        %k: u8[2] = constant [3, 4]
        %y: u9[2] = add(%x, %k)
        """
    )
    program = Program(replace(graph, outputs=("k", "y", "x")))
    outputs = program.run({"x": np.array([1, 2])})
    assert {name: array.tolist() for name, array in outputs.items()} == {
        "k": [3, 4],
        "y": [4, 6],
        "x": [1, 2],
    }
