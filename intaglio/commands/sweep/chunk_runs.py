# SPDX-License-Identifier: Apache-2.0
"""What a worker does: one graph made ready, and chunks of samples run through it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.sweep.cutting import ComparedOutput
from intaglio.commands.sweep.observing import observer
from intaglio.commands.sweep.outputs import (
    Outputs,
    collected,
    held_against,
    joined,
    nothing_of,
    selected,
)
from intaglio.commands.sweep.tally import Tally
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import AccumulatorTrapped
from intaglio.simulator import vectorized


@dataclass(frozen=True, slots=True)
class Run:
    """One arithmetic over all samples, whichever settings have it.

    Attributes:
        key: what results are found by again; it names all that they depend on.
        core: the graph behind its input codes.
        outputs: what is compared of it.
        data: the name of the head that makes its input codes.
        reference: whether its outputs are what the others' are held against.
        count_ordered: whether overflows of sums whose order matters are counted too.
    """

    key: str
    core: Graph
    outputs: tuple[ComparedOutput, ...]
    data: str
    reference: bool = False
    count_ordered: bool = False

    def to_travel(self) -> "Run":
        """A copy whose graph remembers no look-ups, which don't travel."""
        return replace(self, core=replace(self.core))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples that are run and stored together.

    Attributes:
        number: from 0.
        first: the first sample.
        last: the one behind the last.
    """

    number: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a chunk; the outputs travel for the reference alone."""

    tally: Tally
    outputs: Outputs | None


def chunks_of(samples: int, size: int) -> tuple[Chunk, ...]:
    """All samples in chunks of ``size``, the last what remains."""
    starts = range(0, samples, size)
    return tuple(
        Chunk(number, first, min(first + size, samples)) for number, first in enumerate(starts)
    )


class ChunkRunner:
    """A run made ready: compiled, where it can be."""

    def __init__(self, run: Run) -> None:
        """Compile the graph, or find it compiled."""
        self._run = run
        self._observed = observer(run.core, count_ordered=run.count_ordered)

    @property
    def key(self) -> str:
        """The run's key."""
        return self._run.key

    def outcome(
        self,
        inputs: Sequence[Array],
        labels: NDArray[np.int64] | None,
        expected: Outputs | None,
    ) -> Outcome:
        """Run a chunk.

        A sample on which an accumulator traps has no outputs: every bit of it counts as changed.

        Args:
            inputs: codes ``[samples, …]`` of each input of the core.
            labels: a class a sample, if there are any.
            expected: the reference's outputs of these samples; None for the reference itself.

        Raises:
            AccumulatorTrapped: an accumulator of the reference did.
            InvalidData: a label is no class of the first output.
        """
        found, lost, counted = self._outputs(inputs, trapping=expected is not None)
        kept = [row for row in range(len(inputs[0])) if row not in lost]
        tally = counted
        if found is not None:
            against = found if expected is None else selected(expected, kept)
            tally += held_against(found, against, None if labels is None else labels[kept])
        if expected is not None and lost:
            tally += nothing_of(selected(expected, sorted(lost)), labels is not None)
        return Outcome(tally, found if expected is None else None)

    def _outputs(
        self, inputs: Sequence[Array], *, trapping: bool
    ) -> tuple[Outputs | None, set[int], Tally]:
        """The outputs of samples that didn't trap, which ones did, and what was counted."""
        batch, samples = batch_of(self._run.core), len(inputs[0])
        parts: list[Outputs] = []
        lost: set[int] = set()
        counted = Tally()
        with vectorized.one_blas_thread():
            for first in range(0, samples, batch):
                rows = list(range(first, min(first + batch, samples)))
                try:
                    found = self._observed(self._feeds(inputs, rows), len(rows))
                except AccumulatorTrapped:
                    if not trapping:
                        raise
                    lost |= self._alone(inputs, rows, parts)
                    continue
                parts.append(selected(collected(self._run.outputs, found.outputs), len(rows)))
                counted += Tally(overflows=found.overflows)
        return joined(parts) if parts else None, lost, counted

    def _alone(
        self, inputs: Sequence[Array], rows: Sequence[int], parts: list[Outputs]
    ) -> set[int]:
        """Run samples one by one, and say which trap."""
        trapped: set[int] = set()
        for row in rows:
            try:
                found = self._observed(self._feeds(inputs, [row]), 1)
            except AccumulatorTrapped:
                trapped.add(row)
                continue
            parts.append(selected(collected(self._run.outputs, found.outputs), 1))
        return trapped

    def _feeds(self, inputs: Sequence[Array], rows: Sequence[int]) -> dict[str, Array]:
        names = (given.source or given.name for given in self._run.core.inputs)
        chosen = (np.asarray(array[list(rows)]) for array in inputs)
        return graph_feeds(self._run.core, dict(zip(names, chosen, strict=True)))
