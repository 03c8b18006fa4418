# SPDX-License-Identifier: Apache-2.0
"""The definition's equal as machine code: the object that a user links, loaded and called."""

from collections.abc import Mapping

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.simulator.compiled.program import Program
from intaglio.simulator.compiled.support import unsupported
from intaglio.simulator.engine import Observer

__all__ = ["Program", "run", "unsupported"]


def run(
    graph: Graph, inputs: Mapping[str, Array], observer: Observer | None = None
) -> dict[str, Array]:
    """The outputs of a fixed graph, by name; keep a ``Program`` to run a graph more than once.

    Raises:
        InvalidData: the inputs don't fit the graph, a NaN is quantized, or a float result isn't
            finite.
        InvalidGraph: the graph isn't at the fixed level.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    return Program(graph).run(inputs, observer)
