# SPDX-License-Identifier: Apache-2.0
"""Which programs show which tensors: what a network stores, and what never leaves a step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.compiler.targets.tvm.schedule import steps

_ROOM = 1 << 28
"""Bytes of tensors that one program shows where the board sets no limit."""

_SPARE = 1 << 20
_GUARDS = 256


def hidden_tensors(graph: Graph) -> tuple[str, ...]:
    """The values within steps, such as accumulators, which the compiled network never stores."""
    stored = {step.result.name for step in steps(graph)}
    return tuple(node.name for node in graph.nodes if node.name not in stored)


def room(limit: int | None, taken: int) -> int:
    """Bytes that the outputs of a program may have.

    Args:
        limit: of the board; None where there is none.
        taken: by constants, arena and inputs.
    """
    return _ROOM if limit is None else max(limit - taken - _SPARE, 0)


def parts(graph: Graph, names: Sequence[str], room: int) -> Iterator[Graph]:
    """Graphs whose outputs are the named tensors, as many at a time as there is room for."""
    part: list[str] = []
    left = room
    for name in names:
        size = _bytes(graph, name)
        if part and size > left:
            yield _showing(graph, part)
            part, left = [], room
        part.append(name)
        left -= size
    if part:
        yield _showing(graph, part)


def _showing(graph: Graph, names: Sequence[str]) -> Graph:
    return replace(graph, outputs=tuple(names), output_sources=(), output_quantizations=())


def _bytes(graph: Graph, name: str) -> int:
    type = graph.type_of(name)
    return type.size * np.dtype(dtype_of(type)).itemsize + _GUARDS
