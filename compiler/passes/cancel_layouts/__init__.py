# SPDX-License-Identifier: Apache-2.0
"""Compute in the order of axes that needs the fewest transposes."""

from dataclasses import dataclass

from intaglio.compiler.ir import moves
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.types import FloatType
from intaglio.compiler.passes.cancel_layouts.regions import (
    Layouts,
    everywhere,
    nowhere,
    region,
    relaid,
    seeds,
    where_data_moves,
)
from intaglio.compiler.passes.cancel_layouts.simplify import restored, simplify
from intaglio.compiler.passes.editing import renamed

__all__ = ["cancel_layouts"]

SPREADS = (everywhere, where_data_moves, nowhere)


def cancel_layouts(graph: Graph) -> Graph:
    """Let regions of elementwise ops, pads, slices and the like follow their neighbours' order.

    ``f(transpose(x)) = transpose(f'(x))`` for an op f that treats every position alike or names its
    axes (f' names them anew), so a region of such ops may compute in any order of axes, with a
    transpose at each of its borders.  Each transpose of the graph in turn proposes the order that
    makes it needless, to the region before it and to the one behind it; the proposal stands if
    fewer transposes are left after neighbours have cancelled, or as many over fewer bytes.  Only
    moves are added or dropped, so every value stays what it is.

    Every accepted proposal makes the cost smaller, so this ends; there are never more transposes
    than before.
    """
    best = simplify(graph)
    improving = True
    while improving:
        improving = False
        for node, op in tuple(best.nodes_of(moves.Transpose)):
            better = _improved(best, node.name, op)
            if better is not None:
                best, improving = better, True
    return best


@dataclass(frozen=True, slots=True, order=True)
class _Cost:
    """What moving data costs, the most important first.

    Attributes:
        transposes: number of ``Transpose`` nodes.
        bits: number of bits that they move.
        reshapes: number of ``Reshape`` nodes, which move nothing.
    """

    transposes: int
    bits: int
    reshapes: int


def _cost(graph: Graph) -> _Cost:
    moved = [node.type for node, _ in graph.nodes_of(moves.Transpose)]
    widths = (32 if isinstance(type.element, FloatType) else type.element.bits for type in moved)
    bits = sum(type.size * width for type, width in zip(moved, widths, strict=True))
    return _Cost(len(moved), bits, sum(1 for _ in graph.nodes_of(moves.Reshape)))


def _improved(graph: Graph, name: str, op: moves.Transpose) -> Graph | None:
    """The cheapest graph that a transpose proposes, None where none is cheaper."""
    node = next((each for each in graph.nodes if each.name == name), None)
    if node is None or node.op != op:
        return None
    best, cost = None, _cost(graph)
    tried: set[frozenset[tuple[str, tuple[int, ...]]]] = set()
    for seed, order in seeds(graph, node, op.permutation):
        for spreads in SPREADS:
            layouts = region(graph, seed, order, spreads)
            key = frozenset(layouts.items())
            if not layouts or key in tried:
                continue
            tried.add(key)
            candidate = _in_layouts(graph, layouts)
            if _cost(candidate) < cost:
                best, cost = candidate, _cost(candidate)
    return best


def _in_layouts(graph: Graph, layouts: Layouts) -> Graph:
    changed, origins = relaid(graph, layouts)
    simplified = simplify(changed)
    return renamed(simplified, restored(simplified, origins))
