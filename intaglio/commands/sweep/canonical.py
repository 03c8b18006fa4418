# SPDX-License-Identifier: Apache-2.0
"""A name for what a fixed graph computes: equal names, equal bits of every output.

Neither the names of values nor where the graph came from count.  What a proof shows to be the same
arithmetic is made the same text before: ``narrow_accumulators`` has given every sum that can't
overflow one plain accumulator, whatever the profile's width and overflow rule, and requantizations
are said by what they do.
"""

import hashlib
from dataclasses import replace

from intaglio.commands.sweep.staircase_forms import staircase_form
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import print_graph


def canonical_hash(graph: Graph) -> str:
    """SHA-256 of the graph's text without names and provenance, and of its requantizations."""
    form = staircase_form(graph)
    places = {name: place for place, name in enumerate(graph.definitions)}
    digest = hashlib.sha256(print_graph(unnamed(form.graph)).encode())
    for name, each in form.digests.items():
        digest.update(f"{places[name]} {each}\n".encode())
    return digest.hexdigest()


def unnamed(graph: Graph) -> Graph:
    """The graph with values called by their place, and nothing that changes no bit."""
    names = {name: f"v{place}" for place, name in enumerate(graph.definitions)}
    return replace(
        graph,
        name="graph",
        profile="",
        inputs=tuple(replace(each, name=names[each.name], source="") for each in graph.inputs),
        constants=tuple(
            replace(each, name=names[each.name], source="") for each in graph.constants
        ),
        nodes=tuple(
            replace(
                node,
                name=names[node.name],
                operands=tuple(names[operand] for operand in node.operands),
                source="",
            )
            for node in graph.nodes
        ),
        outputs=tuple(names[output] for output in graph.outputs),
        output_sources=(),
        output_quantizations=(),
    )
