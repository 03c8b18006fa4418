# SPDX-License-Identifier: Apache-2.0
"""Regions of ops that can compute in another order of axes, and the graph in which they do."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Definition, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.cancel_layouts.free_ops import Written, written_for
from intaglio.compiler.passes.cancel_layouts.permutations import (
    Permutation,
    before_reshape,
    inverse,
    is_identity,
    moves_data,
    permuted,
)
from intaglio.compiler.passes.editing import unused_name

Layouts = Mapping[str, Permutation]
"""For each node of a region, the order of axes in which it is to compute."""

Spreads = Callable[[TensorType, Permutation], bool]
"""Whether a region goes on through a value of a type that it permutes."""


def seeds(graph: Graph, transpose: Node, p: Permutation) -> Iterator[tuple[Node, Permutation]]:
    """The nodes on both sides of a transpose by ``p``, with the order that makes it needless."""
    producer = graph.definitions[transpose.operands[0]]
    if isinstance(producer, Node):
        yield producer, p
    for user in graph.users.get(transpose.name, ()):
        order = _order_of_reader(graph, user, transpose, inverse(p))
        if order is not None:
            yield user, order


def region(graph: Graph, seed: Node, p: Permutation, spreads: Spreads) -> Layouts:
    """All nodes that can follow ``seed`` into the order ``p``, through values that ``spreads``."""
    layouts: dict[str, Permutation] = {}
    waiting = deque([(seed, p)])
    while waiting:
        node, order = waiting.popleft()
        written = _written(graph, node, order)
        if node.name in layouts or is_identity(order) or written is None:
            continue
        layouts[node.name] = order
        _, wanted = written
        for name in node.operands:
            operand = graph.definitions[name]
            same_rank = operand.type.rank == len(wanted)
            if isinstance(operand, Node) and same_rank and spreads(operand.type, wanted):
                waiting.append((operand, wanted))
        if not spreads(node.type, order):
            continue
        for user in graph.users.get(node.name, ()):
            following = _order_of_reader(graph, user, node, order)
            if following is not None:
                waiting.append((user, following))
    return layouts


def everywhere(type: TensorType, p: Permutation) -> bool:
    """Go on through every value."""
    return True


def where_data_moves(type: TensorType, p: Permutation) -> bool:
    """Go on only where the order of elements changes, which costs a transpose at the border."""
    return moves_data(type.shape, p)


def nowhere(type: TensorType, p: Permutation) -> bool:
    """Change the seed alone."""
    return False


def relaid(graph: Graph, layouts: Layouts) -> tuple[Graph, dict[str, str]]:
    """The graph in which a region computes in its new orders, transposes all around it.

    Each node of the region becomes one under a new name, and a transpose back under the old name
    for whoever reads it in the old order.

    Returns:
        the graph, and for each new name the old one.
    """
    builder = Builder(graph.name, graph.level, graph.profile)
    values: tuple[Definition, ...] = (*graph.inputs, *graph.constants)
    for value in values:
        builder.add(value)
    origins: dict[str, str] = {}
    for node in graph.nodes:
        if node.name not in layouts:
            builder.add(node)
            continue
        order = layouts[node.name]
        written = _written(graph, node, order)
        if written is None:
            raise ValueError(f"{node.name} can't compute in the order {order}")
        op, wanted = written
        operands = [_read(graph, builder, node, at, wanted) for at in range(len(node.operands))]
        name = unused_name(node.name, graph.definitions, builder.definitions)
        type = node.type.with_shape(permuted(node.type.shape, order))
        builder.add(replace(node, name=name, type=type, op=op, operands=tuple(operands)))
        origins[name] = node.name
        back = moves.Transpose(inverse(order))
        builder.add(replace(node, op=back, operands=(name,)))
    return builder.finish_like(graph, graph.outputs), origins


def _read(graph: Graph, builder: Builder, node: Node, at: int, order: Permutation) -> str:
    """An operand in an order of axes; one of fewer axes gets leading ones of extent 1."""
    name = node.operands[at]
    if isinstance(node.op, fixed.Lookup) and at == 1:
        return name
    type = builder.type_of(name)
    if type.rank < len(order):
        type = type.with_shape((1,) * (len(order) - type.rank) + type.shape)
        name = _add(graph, builder, name, type, moves.Reshape(), node.source)
    type = type.with_shape(permuted(type.shape, order))
    return _add(graph, builder, name, type, moves.Transpose(order), node.source)


def _add(
    graph: Graph, builder: Builder, operand: str, type: TensorType, op: moves.Move, source: str
) -> str:
    name = unused_name(operand, graph.definitions, builder.definitions)
    return builder.add(Node(name, type, op, (operand,), source))


def _written(graph: Graph, node: Node, p: Permutation) -> Written | None:
    return written_for(node.op, graph.operand_types(node), node.type, p)


def _order_of_reader(graph: Graph, user: Node, operand: Node, p: Permutation) -> Permutation | None:
    """The order in which ``user`` computes if it reads ``operand`` in the order ``p``."""
    if isinstance(user.op, moves.Reshape):
        # What takes the result back to the operand tells the operand's order from the result's.
        return before_reshape(user.type.shape, operand.type.shape, p)
    if isinstance(user.op, moves.Transpose) or user.type.rank != operand.type.rank:
        return None
    return p
