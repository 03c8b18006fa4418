# SPDX-License-Identifier: Apache-2.0
"""A graph cut where codes become float32: machine code before, whole arrays after."""

from dataclasses import dataclass, replace

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Input, Node

_FLOAT_OPS = (fixed.Dequantize, fixed.Float32Binary, fixed.Float32Softmax)


@dataclass(frozen=True, slots=True)
class Partition:
    """Two graphs that together are one.

    Attributes:
        core: from the graph's inputs to codes, what is compiled; None where nothing is.
        tail: from codes to float32 outputs; None where there is none.
    """

    core: Graph | None
    tail: Graph | None


def partition(graph: Graph, every_value: bool) -> Partition:
    """Cut a fixed graph.

    Args:
        graph: the graph.
        every_value: whether the core gives the value of each of its nodes, not of outputs alone.
    """
    tail = tail_names(graph)
    core = [node for node in graph.nodes if node.name not in tail]
    computed = {node.name for node in core}
    read = {operand for node in graph.nodes if node.name in tail for operand in node.operands}
    wanted = computed if every_value else computed & (read | set(graph.outputs))
    outputs = tuple(node.name for node in core if node.name in wanted)
    return Partition(
        _subgraph(graph, core, outputs) if outputs else None,
        _tail_graph(graph, [node for node in graph.nodes if node.name in tail]) if tail else None,
    )


def tail_names(graph: Graph) -> set[str]:
    """The nodes from a ``Dequantize`` on."""
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, _FLOAT_OPS) or not found.isdisjoint(node.operands):
            found.add(node.name)
    return found


def _subgraph(graph: Graph, nodes: list[Node], outputs: tuple[str, ...]) -> Graph:
    read = {operand for node in nodes for operand in node.operands}
    return replace(
        graph,
        constants=tuple(constant for constant in graph.constants if constant.name in read),
        nodes=tuple(nodes),
        outputs=outputs,
        output_sources=(),
        output_quantizations=(),
    )


def _tail_graph(graph: Graph, nodes: list[Node]) -> Graph:
    """The tail, whose inputs are the values that it reads."""
    own = {node.name for node in nodes}
    constants = {constant.name for constant in graph.constants}
    read = dict.fromkeys(operand for node in nodes for operand in node.operands)
    inputs = tuple(Input(name, graph.type_of(name)) for name in read if name not in own | constants)
    outputs = tuple(name for name in dict.fromkeys(graph.outputs) if name in own)
    return replace(_subgraph(graph, nodes, outputs or (nodes[-1].name,)), inputs=inputs)
