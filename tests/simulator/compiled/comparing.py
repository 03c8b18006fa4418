# SPDX-License-Identifier: Apache-2.0
"""The compiled engine against the definition's vectorized equal, with and without an observer."""

from collections.abc import Mapping

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.simulator import compiled
from tests.simulator.engines import ENGINES, Engine, assert_same_tensor, trace

COMPILED = Engine("compiled", compiled.run)


def assert_compiled_agrees(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of the build that keeps them, and the outputs of the one that doesn't."""
    expected = assert_observed_agrees(graph, inputs)
    expected |= {constant.name: constant.array for constant in graph.constants}
    for name, array in compiled.run(graph, inputs).items():
        assert_same_tensor("compiled", name, array, expected[name])
    return expected


def assert_observed_agrees(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of the build that keeps them."""
    expected = trace(ENGINES[1], graph, inputs)
    for name, array in trace(COMPILED, graph, inputs).items():
        assert_same_tensor("compiled, observed", name, array, expected[name])
    return expected
