# SPDX-License-Identifier: Apache-2.0
"""A graph's outputs, and how often its sums overflowed on the way.

Where a proof shows that no sum can overflow, the compiled engine runs and the counts are 0.  Where
one can, every sum is counted while it is computed.  A sum that is held after each addition has to
be counted term by term, many times slower than machine code runs: that is done on request alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from intaglio.commands.batches import batch_of
from intaglio.commands.engines import fastest_engine, prepare
from intaglio.compiler.analysis.accumulators import (
    ChannelRange,
    accumulating_nodes,
    channel_ranges,
    never_overflows,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.numerics.accumulator import Accumulator
from intaglio.simulator.statistics import ObservedProgram

WRAPS, SATURATIONS, TRAPS = "wraps", "saturations", "traps"


@dataclass(frozen=True, slots=True)
class Observed:
    """One batch.

    Attributes:
        outputs: by the graph's names.
        overflows: sums that their accumulator couldn't hold, by what became of them; what isn't
            counted is absent.
    """

    outputs: dict[str, Array]
    overflows: Mapping[str, int]


Feeds = Mapping[str, Array]

Observer = Callable[[Feeds, int], Observed]
"""From inputs, and how many of their samples count, the others being copies of the last of them."""


def observer(graph: Graph, *, count_ordered: bool = False) -> Observer:
    """What runs a graph, and counts; sums whose order matters only where ``count_ordered``."""
    doubtful = may_overflow(graph)
    ordered = any(_term_by_term(accumulator) for accumulator in doubtful)
    if not doubtful or (ordered and not count_ordered):
        counts: dict[str, int] = {} if doubtful else {WRAPS: 0, SATURATIONS: 0}
        run = prepare(graph, fastest_engine(graph))
        return lambda inputs, samples: Observed(run(inputs, None), counts)
    return _Counting(ObservedProgram(graph), batch_of(graph))


def may_overflow(graph: Graph) -> tuple[Accumulator, ...]:
    """The accumulators that no proof shows to hold every sum."""
    ranges = value_ranges(graph)
    found: list[Accumulator] = []
    for node, op in accumulating_nodes(graph):
        channels = channel_ranges(graph.definitions, node, op, ranges)
        if not never_overflows(op.accumulator, reduce(ChannelRange.__or__, channels)):
            found.append(op.accumulator)
    return tuple(found)


def _term_by_term(accumulator: Accumulator) -> bool:
    return accumulator.overflow.ordered or accumulator.partial_sums is not None


@dataclass(frozen=True, slots=True)
class _Counting:
    program: ObservedProgram
    batch: int

    def __call__(self, inputs: Feeds, samples: int) -> Observed:
        outputs, counts = self._counted(inputs)
        copies = self.batch - samples
        if copies:
            # What copies of the last sample added is known from a batch of nothing else.
            alone = {
                name: np.repeat(array[-1:], self.batch, axis=0) for name, array in inputs.items()
            }
            _, each = self._counted(alone)
            counts = {name: counts[name] - copies * each[name] // self.batch for name in counts}
        return Observed(outputs, counts)

    def _counted(self, inputs: Feeds) -> tuple[dict[str, Array], dict[str, int]]:
        found = self.program.run(inputs)
        total = found.statistics.total
        return found.outputs, {WRAPS: total.wraps, SATURATIONS: total.saturations}
