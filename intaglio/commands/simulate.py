# SPDX-License-Identifier: Apache-2.0
"""Run a fixed graph over a data set: accuracy, speed, equality of engines, outputs."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Batch, Dataset
from intaglio.commands.engines import Comparison, Outcome
from intaglio.commands.parallel_runs import Engines, Feeds, observe_in_order, run_in_order
from intaglio.commands.saved_outputs import SavedOutputs, saving_outputs
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import InvalidData
from intaglio.simulator.statistics import Statistics

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a simulation over a data set found.

    Attributes:
        graph: the graph's name.
        profile: the arithmetic.
        engines: which engines ran.
        samples: how many samples ran through the graph.
        correct: how many had the greatest first output at their label; None without labels.
        seconds: wall-clock time, decoding and comparison included.
        comparison: of the engines, where there were two.
        statistics: what sums and clamps did, where that was counted.
    """

    graph: str
    profile: str
    engines: Engines
    samples: int
    correct: int | None
    seconds: float
    comparison: Comparison | None
    statistics: Statistics | None = None

    @property
    def top1(self) -> float | None:
        """The share of samples whose class was found."""
        return None if self.correct is None else self.correct / self.samples

    @property
    def agrees(self) -> bool:
        """Whether no engine differs from another."""
        return self.comparison is None or self.comparison.differing == 0


def simulate_dataset(
    graph: Graph,
    dataset: Dataset,
    engines: Engines,
    *,
    threads: int = 2,
    workers: int = 0,
    save: Path | None = None,
    widths: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Run ``graph`` over ``dataset``, a batch at a time; memory doesn't grow with the data set.

    Args:
        graph: a fixed graph, specialised to the batch of its inputs.
        dataset: samples, and perhaps labels.
        engines: who runs it, and who it is held against.
        threads: how many runs at a time (processes where the reference engine takes part).
        workers: processes that decode images.
        save: an ``.npz`` to write the outputs of all samples to, whole or not at all.
        widths: where given, sums and clamps are counted, by the vectorized engine whatever
            ``engines`` says; headroom is measured against these bits, by the sum's name, else
            against its type.
        progress: called with samples done and their total.

    Raises:
        InvalidData: the data doesn't fit the graph, or a label is no class of the output.
        InvalidFile: ``save`` can't be written.
        InvalidOption: the number of threads makes no sense.
    """
    started = time.perf_counter()
    batch_size = batch_of(graph)
    counter = _Counter(graph, progress, len(dataset))
    with ExitStack() as stack:
        saved = (
            None if save is None else stack.enter_context(saving_outputs(save, graph, len(dataset)))
        )
        labels: deque[NDArray[np.int64] | None] = deque()
        feeds = _feeds(graph, dataset.batches(batch_size, workers), labels)
        runs = (
            run_in_order(graph, engines, feeds, threads)
            if widths is None
            else observe_in_order(graph, widths, feeds, threads)
        )
        for outcome in stack.enter_context(closing(runs)):
            counter.add(outcome, labels.popleft(), saved)
    return SimulationResult(
        graph=graph.name,
        profile=graph.profile,
        engines=engines,
        samples=counter.done,
        correct=counter.correct,
        seconds=time.perf_counter() - started,
        comparison=counter.comparison,
        statistics=counter.statistics,
    )


def _feeds(
    graph: Graph, batches: Iterator[Batch], labels: deque[NDArray[np.int64] | None]
) -> Iterator[Feeds]:
    for batch in batches:
        labels.append(batch.labels)
        yield graph_feeds(graph, batch.inputs)


@dataclass
class _Counter:
    """What a run adds to the result."""

    graph: Graph
    progress: Progress | None
    total: int
    done: int = 0
    correct: int | None = None
    comparison: Comparison | None = None
    statistics: Statistics | None = None

    def add(
        self, outcome: Outcome, labels: NDArray[np.int64] | None, saved: SavedOutputs | None
    ) -> None:
        outputs = outcome.outputs
        count = min(batch_of(self.graph), self.total - self.done)
        if labels is not None:
            scores = outputs[self.graph.outputs[0]]
            self.correct = (self.correct or 0) + count_correct(scores, labels)
        if outcome.comparison is not None:
            self.comparison = (self.comparison or Comparison()) + outcome.comparison
        if (found := outcome.statistics) is not None:
            self.statistics = found if self.statistics is None else self.statistics + found
        if saved is not None:
            saved.put(self.done, count, outputs)
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)


def count_correct(scores: Array, labels: NDArray[np.int64]) -> int:
    """How many of the first samples' greatest scores stand at their labels (ties: the first).

    Args:
        scores: ``[batch, …]``; a sample's scores are read in row-major order.
        labels: ``[n]``, n <= batch.

    Raises:
        InvalidData: a label is no index of the scores.
    """
    rows = scores.reshape(len(scores), -1)[: len(labels)]
    if len(labels) and int(labels.max()) >= rows.shape[1]:
        raise InvalidData(
            "the labels",
            f"class {int(labels.max())}",
            f"one of the {rows.shape[1]} classes of the first output, 0 to {rows.shape[1] - 1}",
            "give the labels that belong to the model",
        )
    return int((rows.argmax(axis=1) == labels).sum())
