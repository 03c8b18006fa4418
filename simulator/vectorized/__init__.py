# SPDX-License-Identifier: Apache-2.0
"""The definition's equal in whole arrays: float BLAS where a bound proves it exact."""

from collections.abc import Mapping

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.simulator.engine import Observer
from intaglio.simulator.vectorized.blas_threads import one_blas_thread
from intaglio.simulator.vectorized.program import Program

__all__ = ["Program", "one_blas_thread", "run"]


def run(
    graph: Graph, inputs: Mapping[str, Array], observer: Observer | None = None
) -> dict[str, Array]:
    """The outputs of a fixed graph, by name; keep a ``Program`` to run a graph more than once.

    Raises:
        InvalidData: the inputs don't fit the graph, a NaN is quantized, a float result isn't
            finite, or a result lies outside the type that the graph states for it.
        InvalidGraph: the graph isn't at the fixed level.
    """
    return Program(graph).run(inputs, observer)
