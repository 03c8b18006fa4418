# SPDX-License-Identifier: Apache-2.0
"""The order of steps that needs the least memory, against all orders of small graphs."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm import order
from intaglio.compiler.targets.tvm.lifetimes import arena_plan
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.compiler.targets.tvm.order import ordered
from tests.compiler.targets.tvm.test_overwriting import inputs_of
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.text_cases import fixed_graph

BRANCHES = """
%x: i8[1,4,4,4] = input
%a: i8[1,8,8,4] = resize_nearest(%x) rows=[0, 0, 1, 1, 2, 2, 3, 3] columns=[0, 0, 1, 1, 2, 2, 3, 3]
%b: i8[1,8,8,4] = resize_nearest(%x) rows=[3, 3, 2, 2, 1, 1, 0, 0] columns=[0, 0, 1, 1, 2, 2, 3, 3]
%c: i8[1,8,8,4] = resize_nearest(%x) rows=[1, 1, 1, 1, 2, 2, 3, 3] columns=[0, 0, 0, 0, 2, 2, 3, 3]
%p: i8[1,4,4,4] = max_pool2d(%a) kernel=[2, 2] strides=[2, 2]
%q: i8[1,4,4,4] = max_pool2d(%b) kernel=[2, 2] strides=[2, 2]
%r: i8[1,4,4,4] = max_pool2d(%c) kernel=[2, 2] strides=[2, 2]
%s: i9[1,4,4,4] = add(%p, %q)
%y: i10[1,4,4,4] = add(%s, %r)
"""
WITH_MOVES = """
%x: i8[1,2,8,4] = input
%a: i8[1,8,8,4] = pad(%x) before=[0, 3, 0, 0] after=[0, 3, 0, 0] mode=edge
%b: i8[1,8,8,4] = pad(%x) before=[0, 0, 0, 0] after=[0, 6, 0, 0] mode=edge
%t: i8[1,2,8,4] = slice(%a) starts=[0, 2, 0, 0] steps=[1, 1, 1, 1]
%u: i8[1,2,8,4] = slice(%b) starts=[0, 1, 0, 0] steps=[1, 1, 1, 1]
%p: i8[1,1,8,4] = max_pool2d(%t) kernel=[2, 1]
%q: i8[1,1,8,4] = max_pool2d(%u) kernel=[2, 1]
%c: i8[1,2,8,4] = concat(%q, %p) axis=1
%y: i9[1,2,8,4] = add(%c, %x)
"""


def orders(graph: Graph) -> Iterator[Graph]:
    """Every order in which operands come first."""
    given = {value.name for value in graph.inputs}
    for nodes in permutations(graph.nodes):
        known = set(given)
        for node in nodes:
            if not known.issuperset(node.operands):
                break
            known.add(node.name)
        else:
            yield replace(graph, nodes=nodes)


@pytest.mark.parametrize("text", [BRANCHES, WITH_MOVES])
@pytest.mark.parametrize("exact", [True, False])
def test_no_order_is_better(text: str, exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exact:
        monkeypatch.setattr(order, "_MOST_STATES", 0)
    graph = fixed_graph(text)
    found = ordered(graph)
    least = min(arena_plan(each).size for each in orders(graph))
    assert least == arena_plan(found).size < arena_plan(graph).size
    assert sorted(node.name for node in found.nodes) == sorted(node.name for node in graph.nodes)
    # The first of the permutations is the order itself, if it is one.
    assert next(orders(found)).nodes == found.nodes
    assert_compiled_agrees(found, inputs_of(found))


def random_graph(seed: int) -> Graph:
    """Elementwise sums and moves of random values of random sizes."""
    rng = np.random.default_rng(seed)
    lines = ["%v0: i8[2,8] = input"]
    sizes = [2]
    for number in range(1, 8):
        operand = int(rng.integers(max(0, number - 4), number))
        rows = int(rng.integers(1, 12))
        chosen = [str(int(each)) for each in rng.integers(0, sizes[operand], rows)]
        if rng.random() < 0.5:
            lines.append(f"%v{number}: i8[{sizes[operand]},8] = maximum(%v{operand}, %v{operand})")
            sizes.append(sizes[operand])
        else:
            after = rows if rows > 1 else 1
            lines.append(
                f"%v{number}: i8[{sizes[operand] + after},8] = pad(%v{operand}) before=[0, 0] "
                f"after=[{after}, 0] mode=constant value={chosen[0]}"
            )
            sizes.append(sizes[operand] + after)
    parts = ", ".join(f"%v{number}" for number in range(1, 8))
    lines.append(f"%all: i8[{sum(sizes[1:])},8] = concat({parts}) axis=0")
    lines.append(f"%y: i9[{sum(sizes[1:])},8] = add(%all, %all)")
    return fixed_graph("\n".join(lines))


@pytest.mark.parametrize("seed", range(8))
def test_the_estimate_is_the_arena_of_the_portable_kernels(seed: int) -> None:
    for graph in (random_graph(seed), ordered(random_graph(seed))):
        network = compile_network(graph, "net", host(Instructions.PORTABLE))
        assert arena_plan(graph) == network.plan


def test_a_chain_stays_as_it_is() -> None:
    text = "%x: i8[4] = input\n%a: i8[4] = maximum(%x, %x)\n%y: i8[4] = minimum(%a, %x)"
    graph = fixed_graph(text)
    assert ordered(graph) is graph
