# SPDX-License-Identifier: Apache-2.0
"""What the compiled engine can't run."""

from dataclasses import replace

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.unsupported import unsupported as without_kernel
from intaglio.simulator.compiled.partition import tail_names


def unsupported(graph: Graph) -> tuple[str, ...]:
    """A sentence for each node of a fixed graph that the engine refuses; empty where all is well.

    What follows a ``Dequantize`` needs no kernel: whole arrays serve it.
    """
    tail = tail_names(graph)
    core = tuple(node for node in graph.nodes if node.name not in tail)
    return without_kernel(replace(graph, nodes=core))
