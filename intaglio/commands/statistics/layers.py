# SPDX-License-Identifier: Apache-2.0
"""Statistics by layer: a sum with the requantizer and clamps that follow it alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from intaglio.compiler.ir.graph import Graph
from intaglio.simulator.statistics import AccumulatorStatistics, CodeStatistics, Statistics


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """A layer: a sum, the codes that it becomes, or both.

    Attributes:
        layer: the node of the user's model, or the value's name where it has none.
        sums: the sum of products.
        codes: what became of it, one conversion after another; or of something else.
    """

    layer: str
    sums: AccumulatorStatistics | None
    codes: tuple[CodeStatistics, ...]

    @property
    def overflows(self) -> int:
        """Partial sums and accumulators that overflowed, and codes that a conversion wrapped."""
        wrapped = sum(sum(each.wrapped) + sum(each.stages) for each in self.codes)
        if self.sums is None:
            return wrapped
        return wrapped + sum(self.sums.overflows) + sum(self.sums.registers)

    @property
    def suspect(self) -> bool:
        """Whether something overflowed, or would have in the width that headroom is measured in."""
        least = None if self.sums is None else self.sums.least_headroom
        return self.overflows > 0 or (least is not None and least < 0)

    @property
    def low(self) -> float | None:
        """The share of codes that were cut off at the lower end."""
        return self._share(sum(sum(each.low) for each in self.codes))

    @property
    def high(self) -> float | None:
        """The share of codes that were cut off at the upper end."""
        return self._share(sum(sum(each.high) for each in self.codes))

    def _share(self, count: int) -> float | None:
        results = self.codes[0].results if self.codes else 0
        return count / results if results else None


def layers(graph: Graph, statistics: Statistics) -> tuple[LayerStatistics, ...]:
    """The layers in the graph's order, the suspect ones first."""
    codes = {each.name: each for each in statistics.codes}
    found: list[LayerStatistics] = []
    order = {node.name: at for at, node in enumerate(graph.nodes)}
    for sums in statistics.accumulators:
        behind = tuple(codes.pop(name) for name in _chain(graph, sums.name) if name in codes)
        found.append(LayerStatistics(sums.source or sums.name, sums, behind))
    found += [LayerStatistics(each.source or each.name, None, (each,)) for each in codes.values()]

    def place(layer: LayerStatistics) -> tuple[bool, int]:
        first = layer.codes[0].name if layer.sums is None else layer.sums.name
        return not layer.suspect, order[first]

    return tuple(sorted(found, key=place))


def _chain(graph: Graph, name: str) -> Iterator[str]:
    """The values that each alone read the one before."""
    while name not in graph.outputs and len(graph.users.get(name, ())) == 1:
        (user,) = graph.users[name]
        if len(user.operands) != 1:
            return
        name = user.name
        yield name
