# SPDX-License-Identifier: Apache-2.0
"""Drop nodes and constants that no output depends on."""

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.editing import opened


def remove_dead(graph: Graph) -> Graph:
    """The graph without what nothing reads; inputs stay, they are the model's interface."""
    return opened(graph).finish(graph.outputs, graph.output_sources)
