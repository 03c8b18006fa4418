# SPDX-License-Identifier: Apache-2.0
"""Which values lie within the memory of another one, so that moves between them need no copy.

A reshape has the elements of its operand.  A slice of whole rows is a part of its operand.  What is
concatenated by whole rows can be written to its place at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of


@dataclass(frozen=True, slots=True)
class View:
    """A part of the memory of another value, ``offset`` bytes from its start."""

    of: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Views:
    """What needs no memory, and no kernel, of its own.

    Attributes:
        places: by value, where it lies.
        free: nodes that nothing is left to do for.
    """

    places: Mapping[str, View]
    free: frozenset[str]


def views(graph: Graph) -> Views:
    """The views of a graph.

    Outputs have memory of their own, which the caller gives; so do inputs, which nobody writes.
    """
    places: dict[str, View] = {}
    free: set[str] = set()
    outputs = set(graph.outputs)
    for node in graph.nodes:
        match node.op:
            case fixed.Reshape() if _computed(graph, *node.operands):
                found = {node.name: View(node.operands[0])}
            case fixed.Slice():
                found = dict(_sliced(graph, node, node.op))
            case fixed.Concat():
                found = dict(_concatenated(graph, node, node.op, places))
            case _:
                continue
        if found and not outputs & found.keys():
            places |= found
            free.add(node.name)
    return Views(places, frozenset(free))


def memory_of(places: Mapping[str, View], name: str) -> View:
    """The value in whose memory another one lies, which is that itself where it has its own."""
    offset = 0
    while name in places:
        offset += places[name].offset
        name = places[name].of
    return View(name, offset)


def bytes_of(graph: Graph, name: str) -> int:
    """Bytes of a value in memory."""
    type = graph.type_of(name)
    return type.size * _item(graph, name)


def _item(graph: Graph, name: str) -> int:
    return np.dtype(dtype_of(graph.type_of(name))).itemsize


def _computed(graph: Graph, name: str) -> bool:
    return isinstance(graph.definitions[name], Node) and name not in graph.outputs


def _sliced(graph: Graph, node: Node, op: fixed.Slice) -> Iterator[tuple[str, View]]:
    """Where a slice lies that is one piece of its operand."""
    (operand,) = node.operands
    whole, part = graph.type_of(operand).shape, node.type.shape
    axis = next((k for k, pair in enumerate(zip(whole, part, strict=True)) if len({*pair}) > 1), 0)
    forward = all(step == 1 or extent == 1 for step, extent in zip(op.steps, part, strict=True))
    if isinstance(graph.definitions[operand], Constant) or operand in graph.outputs:
        return
    if forward and prod(whole[:axis]) == 1 and whole[axis + 1 :] == part[axis + 1 :]:
        row = prod(whole[axis + 1 :]) * _item(graph, operand)
        yield node.name, View(operand, (op.starts[axis] if whole else 0) * row)


def _concatenated(
    graph: Graph, node: Node, op: fixed.Concat, places: Mapping[str, View]
) -> Iterator[tuple[str, View]]:
    """Where all operands lie, if each can be written to its part of the result."""
    operands = node.operands
    if prod(node.type.shape[: op.axis]) != 1 or len(set(operands)) < len(operands):
        return
    if any(each in places or not _computed(graph, each) for each in operands):
        return
    offset = 0
    for operand in operands:
        yield operand, View(node.name, offset)
        offset += bytes_of(graph, operand)
