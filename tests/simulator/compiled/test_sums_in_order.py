# SPDX-License-Identifier: Apache-2.0
"""Truncated products, partial sums and sums held after each addition, of every op and width."""

from collections.abc import Mapping
from functools import cache

import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.constants import Constants
from intaglio.compiler.targets.tvm.machine import Instructions, available, host
from intaglio.compiler.targets.tvm.network import network_functions
from intaglio.simulator import compiled
from intaglio.simulator.compiled import loading
from tests.simulator import sums_in_order
from tests.simulator.engines import assert_engines_agree, assert_same_tensor
from tests.simulator.sums_in_order import convolutions, each, layers, mixed, ops_in_turn, products

FORMS = {
    "trees": sums_in_order.trees([*range(1, 18), 0]),
    "mixed": mixed(48, 1),
    "each": [each(bits) for bits in (2, 5, 8, 11, 14, 17, 20, 31, 32, 33, 48, 63)],
}


GRAPHS: dict[str, tuple[Graph, dict[str, Array]]] = {
    "convolutions": convolutions(layers()),
    "products": products(),
}


@pytest.fixture(params=available(), ids=lambda found: found.value)
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Instructions:
    """Each instruction set that this machine runs, in turn."""
    found: Instructions = request.param
    monkeypatch.setattr(loading, "host", lambda: host(found))
    return found


@pytest.mark.parametrize("name", FORMS)
def test_every_op_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(Instructions.PORTABLE))
    graph, inputs = ops_in_turn(FORMS[name])
    assert_compiled(graph, inputs, assert_engines_agree(graph, inputs))


@pytest.mark.parametrize("name", GRAPHS)
def test_vectors_of_channels_agree(name: str, instructions: Instructions) -> None:
    graph, inputs = GRAPHS[name]
    assert_compiled(graph, inputs, expected(name))


@cache
def expected(name: str) -> dict[str, Array]:
    """What the definition yields."""
    graph, inputs = GRAPHS[name]
    return assert_engines_agree(graph, inputs)


def assert_compiled(graph: Graph, inputs: dict[str, Array], expected: Mapping[str, Array]) -> None:
    for name, array in compiled.run(graph, inputs).items():
        assert_same_tensor("compiled", name, array, expected[name])


@pytest.mark.skipif(Instructions.AVX2 not in available(), reason="needs AVX2")
def test_what_form_serves() -> None:
    """All sums that lanes hold, but those of a depthwise layer of few channels."""
    graph, _ = GRAPHS["convolutions"]
    forms = network_functions(graph, "n", host(Instructions.AVX2), Constants()).forms
    portable = [graph.definitions[form.name].type for form in forms if form.form == "portable"]
    assert all(type.integer.bits > 32 for type in portable)
