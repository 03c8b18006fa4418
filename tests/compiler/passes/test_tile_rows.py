# SPDX-License-Identifier: Apache-2.0
"""Strips give the bits of whole planes, for every height, and nothing between them stays whole."""

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import verify
from intaglio.compiler.passes.tile_rows import Rows, can_tile, rows_needed, tile_rows
from intaglio.simulator import vectorized
from tests.simulator.text_cases import fixed_graph


def weights(*shape: int) -> str:
    rng = np.random.default_rng(sum(shape))
    return str(rng.integers(-128, 128, int(np.prod(shape))).tolist())


CHAIN = f"""
%x: i8[1,11,7,3] = input
%w: i8[4,3,3,3] = constant {weights(4, 3, 3, 3)}
%d: i8[4,5,2,1] = constant {weights(4, 5, 2, 1)}
%b: i32[4] = constant [1, -700, 30, 9]
%s: i32[1,6,7,4] = conv2d(%x, %w, %b) accumulator=accumulator(type=i32) strides=[2, 1] \
pads=[1, 1, 1, 1] input_zero_point=3 pad_value=3
%a: i8[1,6,7,4] = requantize(%s) requantizers=[requantizer(scaling=shift(shift=8, \
rounding=half-even), zero_point=-5, low=-128, high=127)]
%m: i8[1,6,3,4] = max_pool2d(%a) kernel=[3, 3] strides=[1, 2] pads=[0, 0, 2, 1]
%t: i32[1,3,3,4] = conv2d(%m, %d) accumulator=accumulator(type=i32) groups=4 \
strides=[2, 1] dilations=[2, 1] pads=[3, 0, 5, 1] input_zero_point=-5 pad_value=7
%y: i8[1,3,3,4] = cast(%t) overflow=saturate
""".replace("\\\n", "")
RESIDUAL = f"""
%x: i8[1,9,4,2] = input
%w: i8[2,3,3,2] = constant {weights(2, 3, 3, 2)}
%c: i8[1,1,1,2] = constant [100, -7]
%s: i32[1,9,4,2] = conv2d(%x, %w) accumulator=accumulator(type=i32) pads=[1, 1, 1, 1]
%a: i8[1,9,4,2] = cast(%s) overflow=wrap
%t: i32[1,9,4,2] = conv2d(%a, %w) accumulator=accumulator(type=i32) pads=[2, 1, 0, 1]
%e: i8[1,9,4,2] = cast(%t) overflow=wrap
%f: i8[1,9,4,2] = maximum(%e, %a)
%g: i9[1,9,4,2] = add(%f, %c)
%h: i9[1,9,4,4] = concat(%g, %g) axis=3
%p: i9[1,9,6,4] = pad(%h) before=[0, 0, 1, 0] after=[0, 0, 1, 0] mode=reflect
%u: i9[1,9,6,4] = minimum(%p, %p)
%y: i10[1,9,6,4] = add(%u, %p)
"""


def chain_of(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


@pytest.mark.parametrize("text", [CHAIN, RESIDUAL])
@pytest.mark.parametrize("height", [1, 2, 4, 9])
def test_the_bits_stay(text: str, height: int) -> None:
    graph = fixed_graph(text)
    rng = np.random.default_rng(height)
    shape = graph.inputs[0].type.shape
    sample = {"x": rng.integers(-128, 128, shape).astype(np.int8)}
    expected = vectorized.run(graph, sample)
    names = chain_of(graph)
    assert all(can_tile(graph, node) for node in graph.nodes)
    for first in range(len(names)):
        for last in range(first, len(names)):
            chosen = names[first : last + 1]
            if read_outside(graph, chosen):
                continue
            tiled = tile_rows(graph, chosen, height)
            assert verify(tiled) == ()
            assert np.array_equal(vectorized.run(tiled, sample)["y"], expected["y"])
            assert isinstance(tiled.definitions[chosen[-1]].op, fixed.Concat)  # type: ignore[union-attr]
            assert not set(chosen[:-1]) & tiled.definitions.keys()


def read_outside(graph: Graph, chosen: list[str]) -> bool:
    return any(
        user.name not in chosen for name in chosen[:-1] for user in graph.users.get(name, ())
    )


def test_a_strip_needs_the_rows_below_its_windows() -> None:
    graph = fixed_graph(CHAIN)
    nodes = graph.nodes
    # 5 taps, 2 apart, from 2 * 1 - 3; then 3 rows from each; then 3 from 2 * row - 1.
    found = rows_needed(graph, nodes, "y", Rows(1, 2))
    assert found["m"] == Rows(0, 6)
    found = rows_needed(graph, nodes[:3], "m", Rows(2, 3))
    assert found["a"] == Rows(2, 5)
    assert found["x"] == Rows(3, 10)


def test_equal_strips_are_equal_nodes_but_for_names() -> None:
    graph = fixed_graph(RESIDUAL)
    tiled = tile_rows(graph, chain_of(graph)[:2], 1)
    strips = [node for node in tiled.nodes if node.name.startswith("s.strip")]
    assert len(strips) == 9
    inner = {(node.op, node.type) for node in strips[1:-1]}
    assert len(inner) == 1


@pytest.mark.parametrize(
    "line",
    [
        "%y: i8[1,4,4,1] = transpose(%x) permutation=[0, 2, 1, 3]",
        "%y: i8[1,6,4,1] = pad(%x) before=[0, 1, 0, 0] after=[0, 1, 0, 0] mode=constant value=1",
        "%y: i8[1,8,4,1] = concat(%x, %x) axis=1",
        "%y: i8[4,4] = reshape(%x)",
        "%k: i8[1,4,1,1] = constant [1, 2, 3, 4]\n%y: i9[1,4,4,1] = add(%x, %k)",
        "%k: i8[1,1,1,1] = constant [1]\n%y: i32[1,8,4,1] = conv2d(%x, %k) "
        "accumulator=accumulator(type=i32) pads=[2, 0, 2, 0]",
        "%y: i8[1,4,4,1] = max_pool2d(%x) kernel=[2, 1] dilations=[2, 1] pads=[1, 0, 1, 0]",
    ],
)
def test_what_has_no_strips_is_left_alone(line: str) -> None:
    graph = fixed_graph(f"%x: i8[1,4,4,1] = input\n{line}")
    assert not can_tile(graph, graph.nodes[-1])


def test_batches_have_no_strips() -> None:
    graph = fixed_graph("%x: i8[2,4,4,1] = input\n%y: i8[2,4,4,1] = maximum(%x, %x)")
    assert not can_tile(graph, graph.nodes[0])
