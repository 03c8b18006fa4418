# SPDX-License-Identifier: Apache-2.0
"""What passes share: a graph opened for changes."""

from collections.abc import Container, Mapping
from dataclasses import replace
from itertools import chain, count

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


def unused_name(wanted: str, *taken: Container[str]) -> str:
    """``wanted`` itself where no one has taken it, else with the lowest free number behind."""
    candidates = chain((wanted,), (f"{wanted}_{number}" for number in count(2)))
    return next(name for name in candidates if not any(name in names for names in taken))


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with other names for some of its values, outputs included."""
    if not names:
        return graph

    def name(of: str) -> str:
        return names.get(of, of)

    return replace(
        graph,
        constants=tuple(replace(value, name=name(value.name)) for value in graph.constants),
        nodes=tuple(
            replace(node, name=name(node.name), operands=tuple(map(name, node.operands)))
            for node in graph.nodes
        ),
        outputs=tuple(map(name, graph.outputs)),
    )
