# SPDX-License-Identifier: Apache-2.0
"""What passes share: a graph opened for changes."""

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph


def opened(graph: Graph) -> Builder:
    """A builder that holds every definition of a graph, in order, and gives new names.

    A pass replaces nodes under their own names; ``finish`` drops what nothing reads any more.
    """
    return Builder(graph.name, graph.level, graph.profile, dict(graph.definitions))


def only_reader(graph: Graph, name: str) -> bool:
    """Whether a value is read once: by one operand of one node, or as one output."""
    reads = sum(node.operands.count(name) for node in graph.users.get(name, ()))
    return reads + graph.outputs.count(name) == 1
