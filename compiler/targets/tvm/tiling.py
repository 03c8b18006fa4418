# SPDX-License-Identifier: Apache-2.0
"""Which layers to compute in strips, and how high, so that the arena is small enough.

The steps of a network are cut into stretches: a step by itself, or a region of several steps whose
last result is computed in strips.  What each stretch needs is estimated without kernels.  Of all
ways to cut, dynamic programming finds the one with the least extra work that fits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from intaglio.compiler.analysis.contractions import multiply_accumulates
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.tile_rows import Rows, can_tile, rows_needed, strips, tile_rows
from intaglio.compiler.targets.tvm.lifetimes import arena_blocks, arena_plan, in_arena
from intaglio.compiler.targets.tvm.plan import Block, aligned
from intaglio.compiler.targets.tvm.schedule import Step, steps
from intaglio.compiler.targets.tvm.views import bytes_of, memory_of, views

_HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_LONGEST = 24
"""Steps of a region: more would compute most rows many times."""

_CALL = 200
"""Work that a call of a kernel stands for, so that fewer strips win where all else is equal."""


@dataclass(frozen=True, slots=True)
class Region:
    """Steps that are computed in strips.

    Attributes:
        first: number of the first step.
        last: number of the last one, whose rows are cut.
        height: rows of a strip.
        count: of strips.
        arena: bytes that must be held while they run.
        extra: work that is done again, in products and elements.
        work: of the steps as they are.
    """

    first: int
    last: int
    height: int
    count: int
    arena: int
    extra: int
    work: int


@dataclass(frozen=True, slots=True)
class Tiling:
    """A graph with strips.

    Attributes:
        graph: it.
        regions: what was cut; steps are numbered as before.
        extra: the share of all work that is done again.
    """

    graph: Graph
    regions: tuple[Region, ...]
    extra: float


def tiled(
    graph: Graph, scratch: Sequence[int], arena: int | None, most_extra: float = inf
) -> Tiling | None:
    """The graph with its layers in strips; None where no strips make the arena smaller.

    Args:
        graph: at the fixed level.
        scratch: by step, the bytes that its kernel needs for itself.
        arena: bytes that are wanted; the least that can be had where that is more. None: the least.
        most_extra: the share of all work that may be done again.
    """
    problem = _Problem(graph, scratch)
    limits = sorted({*problem.live, *(region.arena for region in problem.regions)})
    chosen = None if arena is None else problem.cut(arena)
    if chosen is None:
        chosen = _least(problem, limits, most_extra)
    if not chosen:
        return None
    found = graph
    for region in chosen:
        found = tile_rows(found, [node.name for node in problem.nodes(region)], region.height)
    if arena_plan(found).size >= arena_plan(graph).size:
        return None
    extra = sum(region.extra for region in chosen) / max(sum(problem.work), 1)
    return Tiling(found, tuple(chosen), extra)


def _least(problem: "_Problem", limits: Sequence[int], most_extra: float) -> Sequence[Region]:
    """The regions with the least arena among those that don't work too much."""
    low, high = 0, len(limits) - 1
    best: Sequence[Region] = ()
    while low <= high:
        middle = (low + high) // 2
        chosen = problem.cut(limits[middle])
        extra = inf if chosen is None else sum(region.extra for region in chosen)
        if chosen is not None and extra <= most_extra * sum(problem.work):
            best, high = chosen, middle - 1
        else:
            low = middle + 1
    return best


class _Problem:
    """A graph's steps, what they need as they are, and the regions that could be cut."""

    def __init__(self, graph: Graph, scratch: Sequence[int]) -> None:
        self._graph, self._scratch = graph, scratch
        self._steps = steps(graph)
        self._blocks = arena_blocks(graph)
        self._places = views(graph).places
        self.live = list(scratch)
        for block in self._blocks:
            for step in range(block.first, block.last + 1):
                self.live[step] += aligned(block.size)
        self.work = [sum(map(self._work, _nodes(step))) for step in self._steps]

    def _work(self, node: Node) -> int:
        return multiply_accumulates(self._graph, node) + node.type.size

    def nodes(self, region: Region) -> list[Node]:
        """The nodes of a region, in order."""
        return self._between(region.first, region.last)

    def _between(self, first: int, last: int) -> list[Node]:
        return [node for step in self._steps[first : last + 1] for node in _nodes(step)]

    def cut(self, arena: int) -> Sequence[Region] | None:
        """The regions with the least extra work with which nothing needs more than ``arena``."""
        ending: dict[int, list[Region]] = {}
        for region in self.regions:
            if region.arena <= arena:
                ending.setdefault(region.last, []).append(region)
        best: list[tuple[float, Region | None]] = [(0, None)]
        for number in range(len(self._steps)):
            alone = best[number][0] if self.live[number] <= arena else inf
            options: list[tuple[float, Region | None]] = [(alone, None)]
            for region in ending.get(number, ()):
                calls = _CALL * region.count * (region.last - region.first + 1)
                options.append((best[region.first][0] + region.extra + calls, region))
            best.append(min(options, key=lambda each: each[0]))
        if best[-1][0] == inf:
            return None
        found: list[Region] = []
        number = len(self._steps)
        while number:
            ended = best[number][1]
            if ended is not None:
                found.append(ended)
            number = number - 1 if ended is None else ended.first
        return found[::-1]

    @cached_property
    def regions(self) -> Sequence[Region]:
        """All that need less than one of their steps does now."""
        can = [all(can_tile(self._graph, node) for node in _nodes(step)) for step in self._steps]
        return [
            region
            for last in range(len(self._steps))
            for first in range(last - 1, max(last - _LONGEST, -1), -1)
            if all(can[first : last + 1])
            for region in self._cuts(first, last)
        ]

    def _cuts(self, first: int, last: int) -> Iterator[Region]:
        worst = max(self.live[first : last + 1])
        held = self._held_throughout(first, last)
        nodes = self._between(first, last)
        names = {node.name for node in nodes[:-1]}
        if held >= worst or self._read_outside(names, nodes):
            return
        rows = nodes[-1].type.shape[1]
        for height in _HEIGHTS:
            if height >= rows:
                return
            cut = strips(height, rows)
            needs = [rows_needed(self._graph, nodes, nodes[-1].name, each) for each in _some(cut)]
            arena = held + max(self._strip(first, last, needed) for needed in needs)
            if arena < worst:
                # Strips in the middle have the most rows; each is taken for one of those.
                again = max(map(self._rows_work(nodes), needs)) * len(cut)
                work = sum(self.work[first : last + 1])
                yield Region(first, last, height, len(cut), arena, max(again - work, 0), work)

    def _read_outside(self, names: set[str], nodes: Sequence[Node]) -> bool:
        inside = {node.name for node in nodes}
        return any(
            name in self._graph.outputs
            or any(user.name not in inside for user in self._graph.users.get(name, ()))
            for name in names
        )

    def _held_throughout(self, first: int, last: int) -> int:
        """The result as a whole, and what lives beside the region or is read by it."""
        made = {step.result.name for step in self._steps[first : last + 1]}
        result = self._steps[last].result.name
        own = memory_of(self._places, result).of == result and in_arena(self._graph, result)
        beside: Iterator[Block] = (
            block
            for block in self._blocks
            if block.first <= last and block.last >= first and block.name not in made
        )
        held = sum(aligned(block.size) for block in beside)
        return held + (aligned(bytes_of(self._graph, result)) if own else 0)

    def _strip(self, first: int, last: int, needed: Mapping[str, Rows]) -> int:
        """The most that one strip must hold beside that."""
        ends: dict[str, int] = {}
        for number in range(first, last + 1):
            for node in _nodes(self._steps[number]):
                ends |= dict.fromkeys(node.operands, number)
        live = most = 0
        held: dict[str, int] = {}
        for number in range(first, last + 1):
            result = self._steps[number].result
            if number < last and result.name in needed:
                share = needed[result.name].count / result.type.shape[1]
                held[result.name] = aligned(round(bytes_of(self._graph, result.name) * share))
                live += held[result.name]
            most = max(most, live + self._scratch[number])
            for name in [name for name in held if ends.get(name, number) <= number]:
                live -= held.pop(name)
        return most

    def _rows_work(self, nodes: Sequence[Node]) -> "_RowsWork":
        return _RowsWork({node.name: self._work(node) / node.type.shape[1] for node in nodes})


@dataclass(frozen=True, slots=True)
class _RowsWork:
    """Work for a strip, from the work for a row of each node."""

    by_row: Mapping[str, float]

    def __call__(self, needed: Mapping[str, Rows]) -> int:
        rows = ((name, rows.count) for name, rows in needed.items() if name in self.by_row)
        return round(sum(self.by_row[name] * count for name, count in rows))


def _nodes(step: Step) -> tuple[Node, ...]:
    return (step.node, *step.followers)


def _some(cut: Sequence[Rows]) -> Sequence[Rows]:
    """Strips at both ends, where padding changes them, and one of those between."""
    places = sorted({0, 1, len(cut) // 2, len(cut) - 2, len(cut) - 1} & set(range(len(cut))))
    return [cut[place] for place in places]
