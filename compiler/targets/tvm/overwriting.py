# SPDX-License-Identifier: Apache-2.0
"""Which steps may put their result in the place of an operand that nobody reads after them."""

from collections.abc import Mapping, Sequence

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.targets.tvm.schedule import Step
from intaglio.compiler.targets.tvm.views import View, bytes_of, memory_of

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


def is_elementwise(step: Step) -> bool:
    """Whether a result may take the place of an operand, element by element."""
    return isinstance(step.node.op, _ELEMENTWISE)


def last_reads(steps: Sequence[Step]) -> Mapping[str, int]:
    """By value: the number of the last step that reads it."""
    found: dict[str, int] = {}
    for number, step in enumerate(steps):
        for node in (step.node, *step.followers):
            found |= dict.fromkeys(node.operands, number)
    return found


def overwritten(
    graph: Graph, step: Step, number: int, places: Mapping[str, View], reads: Mapping[str, int]
) -> str | None:
    """The operand whose memory the result of a step may take; None where there is none.

    Args:
        graph: the fixed graph.
        step: the step.
        number: of the step.
        places: which values lie within the memory of another one so far.
        reads: by value, the last step that reads it.
    """
    result = step.result.name
    if not is_elementwise(step) or result in graph.outputs or result in places:
        return None
    memories = [memory_of(places, operand).of for operand in step.node.operands]
    # A table is read in any order.
    candidates = 1 if isinstance(step.node.op, fixed.Lookup) else len(memories)
    for operand, memory in list(zip(step.node.operands, memories, strict=True))[:candidates]:
        sharing = [name for name in (memory, *places) if memory_of(places, name).of == memory]
        if (
            isinstance(graph.definitions[memory], Node)
            and memories.count(memory) == 1
            and not any(name in graph.outputs or reads.get(name, 0) > number for name in sharing)
            and graph.type_of(operand).shape == step.result.type.shape
            and bytes_of(graph, operand) == bytes_of(graph, result)
        ):
            return operand
    return None
