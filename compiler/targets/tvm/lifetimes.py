# SPDX-License-Identifier: Apache-2.0
"""What the arena of a graph holds, and when, before any kernel is written.

Kernels may need scratch memory on top, and one may keep a result apart that could take the place of
an operand.
"""

from collections.abc import Iterable, Iterator, Sequence

from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.targets.tvm.overwriting import last_reads, overwritten
from intaglio.compiler.targets.tvm.plan import Block, Plan, plan
from intaglio.compiler.targets.tvm.schedule import Step, steps
from intaglio.compiler.targets.tvm.views import View, bytes_of, memory_of, views


def arena_plan(graph: Graph) -> Plan:
    """Where values would lie."""
    return plan(arena_blocks(graph))


def arena_blocks(graph: Graph) -> Sequence[Block]:
    """What lies in the arena, from the first step that writes it to the last one that reads it."""
    taken = steps(graph)
    places = dict(views(graph).places)
    reads = last_reads(taken)
    accesses: list[tuple[str, ...]] = []
    for number, step in enumerate(taken):
        operand = overwritten(graph, step, number, places, reads)
        if operand is not None:
            places[step.result.name] = View(operand)
        accesses.append(accessed(step))
    memories = [[memory_of(places, name).of for name in names] for names in accesses]
    return list(_blocks(graph, memories))


def accessed(step: Step) -> tuple[str, ...]:
    """The values that a step reads and, last, the one that it writes."""
    operands = (name for node in (step.node, *step.followers) for name in node.operands)
    within = {node.name for node in (step.node, *step.followers)}
    return (*(name for name in operands if name not in within), step.result.name)


def in_arena(graph: Graph, name: str) -> bool:
    """Whether a value with memory of its own has it in the arena: callers give the rest."""
    return isinstance(graph.definitions[name], Node) and name not in graph.outputs


def _blocks(graph: Graph, memories: Sequence[Iterable[str]]) -> Iterator[Block]:
    times: dict[str, list[int]] = {}
    for number, names in enumerate(memories):
        for name in names:
            times.setdefault(name, []).append(number)
    for name, numbers in times.items():
        if in_arena(graph, name):
            yield Block(name, bytes_of(graph, name), numbers[0], numbers[-1])
