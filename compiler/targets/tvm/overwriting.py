# SPDX-License-Identifier: Apache-2.0
"""Which steps may put their result in the place of an operand that nobody reads after them."""

from collections.abc import Mapping, Sequence

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.compiler.targets.tvm.schedule import Step

_ELEMENTWISE = (
    fixed.Requantize,
    fixed.Clamp,
    fixed.Cast,
    fixed.Lookup,
    fixed.Pairwise,
    fixed.Add,
    fixed.Subtract,
    fixed.Multiply,
    fixed.Minimum,
    fixed.Maximum,
)
"""Ops whose kernels read no element of an operand of the result's shape after they wrote it."""


def last_reads(steps: Sequence[Step]) -> Mapping[str, int]:
    """By value: the number of the last step that reads it."""
    found: dict[str, int] = {}
    for number, step in enumerate(steps):
        for node in (step.node, *step.followers):
            found |= dict.fromkeys(node.operands, number)
    return found


def memory_of(aliases: Mapping[str, str], name: str) -> str:
    """The value whose memory a value has."""
    while name in aliases:
        name = aliases[name]
    return name


def overwritten(
    graph: Graph, step: Step, number: int, aliases: Mapping[str, str], reads: Mapping[str, int]
) -> str | None:
    """The operand whose memory the result of a step may take; None where there is none.

    Args:
        graph: the fixed graph.
        step: the step.
        number: of the step.
        aliases: which values share the memory of another one so far.
        reads: by value, the last step that reads it.
    """
    if not isinstance(step.node.op, _ELEMENTWISE) or step.result.name in graph.outputs:
        return None
    memories = [memory_of(aliases, operand) for operand in step.node.operands]
    # A table is read in any order.
    candidates = 1 if isinstance(step.node.op, fixed.Lookup) else len(memories)
    for operand, memory in list(zip(step.node.operands, memories, strict=True))[:candidates]:
        sharing = [name for name in (memory, *aliases) if memory_of(aliases, name) == memory]
        if (
            isinstance(graph.definitions[memory], Node)
            and memories.count(memory) == 1
            and not any(name in graph.outputs or reads.get(name, 0) > number for name in sharing)
            and graph.type_of(operand).shape == step.result.type.shape
            and _bytes(graph, operand) == _bytes(graph, step.result.name)
        ):
            return operand
    return None


def _bytes(graph: Graph, name: str) -> int:
    return np.dtype(dtype_of(graph.type_of(name))).itemsize
