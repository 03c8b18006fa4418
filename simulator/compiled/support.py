# SPDX-License-Identifier: Apache-2.0
"""What the compiled engine can't run."""

from intaglio.compiler.ir.graph import Graph


def unsupported(graph: Graph) -> tuple[str, ...]:
    """A sentence for each node of a fixed graph that the engine refuses; empty where all is well.

    Every fixed op runs: what the compiler has no kernel for stands in the float tail, which whole
    arrays serve.
    """
    return ()
