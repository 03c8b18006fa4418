# SPDX-License-Identifier: Apache-2.0
"""In which steps a program computes, and what each of them may forget."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from intaglio.compiler.ir.graph import Graph

ComputeT = TypeVar("ComputeT")

Work = tuple[str, ComputeT, tuple[str, ...]]
"""What is computed, how, from what."""


@dataclass(frozen=True, slots=True)
class Step(Generic[ComputeT]):
    """One node, or a node with the elementwise ones that follow it.

    Attributes:
        name: the value that is computed.
        compute: how.
        operands: the values that are read.
        dead: those of them that nothing reads later.
    """

    name: str
    compute: ComputeT
    operands: tuple[str, ...]
    dead: tuple[str, ...]


def scheduled(graph: Graph, works: Sequence[Work[ComputeT]]) -> tuple[Step[ComputeT], ...]:
    """Steps that release each value after its last use."""
    uses = Counter(operand for _, _, operands in works for operand in operands)
    uses.update(graph.outputs)
    steps: list[Step[ComputeT]] = []
    for name, compute, operands in works:
        uses.subtract(operands)
        dead = tuple(dict.fromkeys(operand for operand in operands if uses[operand] == 0))
        steps.append(Step(name, compute, operands, dead))
    return tuple(steps)
