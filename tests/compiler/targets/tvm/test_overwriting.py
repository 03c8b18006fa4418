# SPDX-License-Identifier: Apache-2.0
"""A result takes the place of an operand that dies, and of no other."""

from collections.abc import Mapping

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.simulator.compiled import loading
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.compiled.test_memory import run_guarded
from tests.simulator.text_cases import fixed_graph


def graph_of(text: str, elements: int = 64) -> Graph:
    return fixed_graph(text.replace("SHAPE", f"[{elements}]"))


DYING = """
%x: i8SHAPE = input
%z: i8SHAPE = input
%a: i8SHAPE = maximum(%x, %z)
%b: i8SHAPE = minimum(%x, %z)
%c: i8SHAPE = maximum(%a, %b)
%y: i8SHAPE = minimum(%c, %x)
"""
READ_LATER = """
%x: i8SHAPE = input
%z: i8SHAPE = input
%a: i8SHAPE = maximum(%x, %z)
%b: i8SHAPE = minimum(%a, %z)
%y: i8SHAPE = maximum(%a, %b)
"""
READ_TWICE = """
%x: i8SHAPE = input
%z: i8SHAPE = input
%a: i8SHAPE = maximum(%x, %z)
%b: i9SHAPE = add(%a, %a)
%y: i10SHAPE = add(%b, %b)
"""
OTHER_SIGN = """
%x: i8SHAPE = input
%z: i8SHAPE = input
%a: i8SHAPE = maximum(%x, %z)
%b: i8SHAPE = minimum(%a, %z)
%c: u8SHAPE = cast(%a) overflow=wrap
%y: i10SHAPE = add(%b, %c)
"""
GUARDED = """
%x: i8SHAPE = input
%a: i8SHAPE = maximum(%x, %x)
%b: i8SHAPE = minimum(%x, %x)
%c: i8SHAPE = maximum(%a, %b)
%d: i8SHAPE = minimum(%c, %x)
%y: i9SHAPE = add(%d, %x)
"""


def inputs_of(graph: Graph) -> Mapping[str, Array]:
    rng = np.random.default_rng(4)
    return {
        value.name: rng.integers(
            value.type.integer.minimum,
            value.type.integer.maximum,
            value.type.shape,
            value.type.integer.dtype,
            endpoint=True,
        )
        for value in graph.inputs
    }


@pytest.mark.parametrize(
    ("text", "blocks"), [(DYING, 2), (READ_LATER, 2), (READ_TWICE, 2), (OTHER_SIGN, 2)]
)
def test_the_arena_holds_what_lives(text: str, blocks: int) -> None:
    network = compile_network(graph_of(text), "net", host(Instructions.PORTABLE))
    assert network.plan.live == network.plan.size
    assert len(network.plan.offsets) == 2


@pytest.mark.parametrize("instructions", [None, Instructions.PORTABLE])
@pytest.mark.parametrize("elements", [64, 70, 5])
@pytest.mark.parametrize("text", [DYING, READ_LATER, READ_TWICE, OTHER_SIGN])
def test_the_bits_stay(
    text: str,
    elements: int,
    instructions: Instructions | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(instructions))
    graph = graph_of(text, elements)
    assert_compiled_agrees(graph, inputs_of(graph))


@pytest.mark.parametrize("elements", [64, 70])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_nothing_beside_the_arena_is_touched(elements: int, at_the_end: bool) -> None:
    run_guarded(graph_of(GUARDED, elements), at_the_end)
