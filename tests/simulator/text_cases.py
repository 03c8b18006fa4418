# SPDX-License-Identifier: Apache-2.0
"""Tiny cases written as text: the definitions of a graph, and what it yields in every engine."""

from typing import Any

import numpy as np

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.types import FloatType
from intaglio.compiler.ir.verify import check
from tests.simulator.engines import assert_engines_agree


def fixed_graph(definitions: str) -> Graph:
    """A valid fixed graph from its definitions; it returns the value ``%y``."""
    graph = parse_graph(f"graph case fixed\n{definitions}\nreturn %y\n")
    check(graph)
    return graph


def outcome(definitions: str, **inputs: Any) -> Any:
    """The value ``%y``, the same in every engine, as nested lists."""
    graph = fixed_graph(definitions)
    arrays = {
        given.name: np.array(
            inputs[given.name],
            np.float32 if isinstance(given.type.element, FloatType) else given.type.element.dtype,
        )
        for given in graph.inputs
    }
    return assert_engines_agree(graph, arrays)["y"].tolist()
