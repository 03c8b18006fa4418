# SPDX-License-Identifier: Apache-2.0
"""The order of steps in which the arena holds the least.

Steps that don't depend on each other may run in any order.  What an order needs at most is the
largest sum of what lives at one of its steps; a search for the path with the smallest such maximum
goes over the sets of steps that may have run (as SERENITY does, Ahn et al., MLSys 2020, section 3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush, nsmallest

from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.targets.tvm.lifetimes import accessed, arena_plan, in_arena
from intaglio.compiler.targets.tvm.overwriting import is_elementwise
from intaglio.compiler.targets.tvm.plan import aligned
from intaglio.compiler.targets.tvm.schedule import Step, steps
from intaglio.compiler.targets.tvm.views import bytes_of, memory_of, views

_MOST_STATES = 10_000
"""Sets of steps that an exact search visits; beyond that the best few of each size go on."""

_BEAM = 64


def ordered(graph: Graph) -> Graph:
    """The graph with its nodes in the order that needs the least arena.

    The same nodes compute the same values; where no order is better, it is the graph itself.
    """
    taken = steps(graph)
    problem = _problem(graph, taken)
    if arena_plan(graph).size <= problem.least:
        return graph
    order = _exact(problem) or _beam(problem)
    found = replace(graph, nodes=tuple(_nodes(graph, [taken[number] for number in order])))
    return found if arena_plan(found).size < arena_plan(graph).size else graph


@dataclass(frozen=True, slots=True)
class _Problem:
    """Steps and memories by number.

    Attributes:
        needs: by step, the set of steps that must have run, a bit each.
        uses: by step, the memories that it reads or writes.
        sizes: by memory, bytes.
        users: by memory, the set of steps that read or write it.
        replaceable: by step, the memories whose place its result may take.
    """

    needs: Sequence[int]
    uses: Sequence[Sequence[int]]
    sizes: Sequence[int]
    users: Sequence[int]
    replaceable: Sequence[Sequence[int]]

    @property
    def least(self) -> int:
        """What some step needs in any order."""
        return max(map(self._least, range(len(self.needs))), default=0)

    def _least(self, step: int) -> int:
        total = sum(self.sizes[memory] for memory in self.uses[step])
        return total - max((self.sizes[memory] for memory in self.replaceable[step]), default=0)

    def ready(self, done: int) -> Iterator[int]:
        """The steps that may run next."""
        for step, needs in enumerate(self.needs):
            if not done >> step & 1 and needs & done == needs:
                yield step

    def run(self, done: int, live: int, step: int) -> tuple[int, int]:
        """What must be held while a step runs, and what lives on after it."""
        after = done | 1 << step
        begun = sum(self.sizes[m] for m in self.uses[step] if not self.users[m] & done)
        ended = [m for m in self.uses[step] if self.users[m] & after == self.users[m]]
        during = live + begun
        # A result takes the place of an operand that ends here.
        if any(m in ended for m in self.replaceable[step]):
            during -= begun
        return during, live + begun - sum(self.sizes[m] for m in ended)


def _problem(graph: Graph, taken: Sequence[Step]) -> _Problem:
    places = views(graph).places
    makers = {step.result.name: number for number, step in enumerate(taken)}
    sources = _sources(graph, makers)
    memories: dict[str, int] = {}
    uses: list[list[int]] = []
    needs: list[int] = []
    users: list[int] = []
    replaceable: list[list[int]] = []
    for number, step in enumerate(taken):
        *read, written = accessed(step)
        needs.append(sum(1 << maker for maker in {m for name in read for m in sources[name]}))
        roots = dict.fromkeys(memory_of(places, name).of for name in (*read, written))
        held = [memories.setdefault(name, len(memories)) for name in roots if in_arena(graph, name)]
        users += [0] * (len(memories) - len(users))
        for memory in held:
            users[memory] |= 1 << number
        uses.append(held)
        replaceable.append(list(_replaceable(graph, step, read, written, memories)))
    sizes = [aligned(bytes_of(graph, name)) for name in memories]
    return _Problem(needs, uses, sizes, users, replaceable)


def _replaceable(
    graph: Graph, step: Step, read: Sequence[str], written: str, memories: Mapping[str, int]
) -> Iterator[int]:
    if is_elementwise(step) and written in memories:
        for name in read:
            if name in memories and bytes_of(graph, name) == bytes_of(graph, written):
                yield memories[name]


def _sources(graph: Graph, makers: Mapping[str, int]) -> Mapping[str, frozenset[int]]:
    """By value: the steps that make it; those of all its parts where it is put together."""
    found: dict[str, frozenset[int]] = {}
    for name, value in graph.definitions.items():
        if name in makers:
            found[name] = frozenset((makers[name],))
        elif isinstance(value, Node):
            found[name] = frozenset().union(*(found[operand] for operand in value.operands))
        else:
            found[name] = frozenset()
    return found


_Order = tuple[int, "_Order"] | None
"""Steps, the last one first."""


def _exact(problem: _Problem) -> list[int] | None:
    """The best order; None where there are too many sets of steps."""
    everything = (1 << len(problem.needs)) - 1
    # Of equal peaks the longest path first, so that chains are followed to the end.
    queue: list[tuple[int, int, int, int, _Order]] = [(0, 0, 0, 0, None)]
    seen: set[int] = set()
    while queue and len(seen) < _MOST_STATES:
        peak, count, done, live, order = heappop(queue)
        if done == everything:
            return _listed(order)
        if done in seen:
            continue
        seen.add(done)
        for step in problem.ready(done):
            during, after = problem.run(done, live, step)
            state = done | 1 << step
            if state not in seen:
                heappush(queue, (max(peak, during), count - 1, state, after, (step, order)))
    return None


def _beam(problem: _Problem) -> list[int]:
    """A good order: the best few sets of each size, by their peak and by what lives on."""
    states: list[tuple[int, int, int, _Order]] = [(0, 0, 0, None)]
    for _ in problem.needs:
        found: dict[int, tuple[int, int, int, _Order]] = {}
        for peak, live, done, order in states:
            for step in problem.ready(done):
                during, after = problem.run(done, live, step)
                state = done | 1 << step
                reached = (max(peak, during), after, state, (step, order))
                if state not in found or reached[0] < found[state][0]:
                    found[state] = reached
        states = nsmallest(_BEAM, found.values(), key=lambda each: each[:3])
    return _listed(states[0][3])


def _listed(order: _Order) -> list[int]:
    found: list[int] = []
    while order is not None:
        step, order = order
        found.append(step)
    return found[::-1]


def _nodes(graph: Graph, order: Sequence[Step]) -> Iterator[Node]:
    """The nodes of steps in a new order; moves that cost nothing stand where they are read."""
    yielded: set[str] = set()

    def with_operands(name: str) -> Iterator[Node]:
        node = graph.definitions[name]
        if isinstance(node, Node) and name not in yielded:
            for operand in node.operands:
                yield from with_operands(operand)
            yielded.add(name)
            yield node

    for step in order:
        for node in (step.node, *step.followers):
            yield from with_operands(node.name)
    for node in graph.nodes:
        yield from with_operands(node.name)
