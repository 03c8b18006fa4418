# SPDX-License-Identifier: Apache-2.0
"""What isn't compiled."""

from collections.abc import Iterator

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.errors import InvalidGraph, UnsupportedModel


def unsupported(graph: Graph) -> tuple[str, ...]:
    """A sentence for each node of a fixed graph that has no kernel; empty where all is well."""
    return tuple(_problems(graph))


def _problems(graph: Graph) -> Iterator[str]:
    for node, _ in graph.nodes_of(fixed.Float32Softmax):
        where = f"{node.name} ({node.source})" if node.source else node.name
        yield f"{where}: Float32Softmax is correctly rounded, which takes more than float32"


def refuse_unsupported(graph: Graph) -> None:
    """Refuse a graph that can't be compiled, naming every node at once.

    Raises:
        InvalidGraph: the graph isn't at the fixed level.
        UnsupportedModel: a node has no kernel.
    """
    if graph.level is not Level.FIXED:
        raise InvalidGraph(graph.name, ["the graph is at the scaled level; lower it first"])
    problems = unsupported(graph)
    if problems:
        raise UnsupportedModel(graph.name, problems, "End the network before them")
