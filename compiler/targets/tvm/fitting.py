# SPDX-License-Identifier: Apache-2.0
"""Compile a graph, and again in strips where its arena is to be smaller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, Protocol, TypeVar

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.footprint.budgets import Budgets, arena_budget
from intaglio.compiler.targets.tvm.footprint.report import Footprint
from intaglio.compiler.targets.tvm.tiling import Tiling, tiled

MOST_EXTRA = 0.25
"""The share of all work that strips may do again where no budget asks for more."""

_TRIES = 3
"""Kernels of strips may need more scratch memory than was taken for them."""


class Built(Protocol):
    """A graph that was compiled."""

    @property
    def footprint(self) -> Footprint:
        """What it needs."""
        ...

    @property
    def scratch(self) -> Sequence[int]:
        """By step, bytes that its kernel needs for itself."""
        ...


BuiltT = TypeVar("BuiltT", bound=Built)


@dataclass(frozen=True, slots=True)
class Fitted(Generic[BuiltT]):
    """What was compiled, and the strips in it; None where there are none."""

    built: BuiltT
    tiling: Tiling | None


def fitted(
    graph: Graph, build: Callable[[Graph], BuiltT], budgets: Budgets, tile: bool | None
) -> Fitted[BuiltT]:
    """The graph compiled, in strips where they are asked for or where a budget demands them.

    Args:
        graph: at the fixed level.
        build: compiles a graph.
        budgets: memory that the network may need.
        tile: True for the least arena that costs no more than some extra work; False for no strips;
            None for strips where the RAM would not suffice otherwise.
    """
    whole = build(graph)
    over = budgets.ram is not None and whole.footprint.ram > budgets.ram
    if tile is False or not (tile or over):
        return Fitted(whole, None)
    if budgets.ram is None or not over:
        return _better(Fitted(whole, None), tiled(graph, whole.scratch, None, MOST_EXTRA), build)
    best = Fitted(whole, None)
    left = wanted = arena_budget(whole.footprint, budgets.ram)
    for _ in range(_TRIES):
        tiling = tiled(graph, whole.scratch, wanted, inf)
        found = _better(best, tiling, build)
        excess = found.built.footprint.ram - budgets.ram
        if found is best:
            return best
        best = found
        wanted = min(wanted, left) - max(excess, 0)
        if excess <= 0 or wanted <= 0:
            return best
    return best


def _better(
    best: Fitted[BuiltT], tiling: Tiling | None, build: Callable[[Graph], BuiltT]
) -> Fitted[BuiltT]:
    """What was best, or the strips where they need less."""
    if tiling is None:
        return best
    found = build(tiling.graph)
    if found.footprint.ram >= best.built.footprint.ram:
        return best
    return Fitted(found, tiling)
