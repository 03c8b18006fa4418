# SPDX-License-Identifier: Apache-2.0
"""Which worker runs which chunk of which run, and when; the results don't depend on it."""

from collections.abc import Container, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from intaglio.commands.progress import Report
from intaglio.commands.sweep.chunk_runs import Chunk, Outcome, Run
from intaglio.commands.sweep.crews import Worker
from intaglio.commands.sweep.outputs import Outputs
from intaglio.commands.sweep.store import Store
from intaglio.commands.sweep.tally import Tally


@dataclass(slots=True)
class _Progress:
    """How far one run is.

    Attributes:
        run: the run.
        pending: the chunks that nobody has begun, in order.
        tallies: the chunks that are done, by number.
    """

    run: Run
    pending: list[Chunk]
    tallies: dict[int, Tally]


class _Board:
    """Which chunks are done, under way and to be done.

    Attributes:
        finished: the counts of whole runs by their keys.
        missing: chunks that aren't done.
    """

    def __init__(self, reference: Run, chunks: Sequence[Chunk], store: Store) -> None:
        self.finished: dict[str, Tally] = {}
        self.missing = 0
        self._reference = reference
        self._chunks = chunks
        self._store = store
        self._begun: dict[str, _Progress] = {}
        self._expected = {chunk.number for chunk in chunks if self._expectation(chunk) is not None}

    def enter(self, run: Run) -> None:
        """Note what the store has of a run, and that the rest is to be done."""
        complete = not run.reference or len(self._expected) == len(self._chunks)
        total = self._store.finished(run.key) if complete else None
        if total is not None:
            self.finished[run.key] = total
            return
        progress = _Progress(run, [], {})
        for chunk in self._chunks:
            known = not run.reference or chunk.number in self._expected
            tally = self._store.chunk(run.key, chunk.number) if known else None
            if tally is None:
                progress.pending.append(chunk)
            else:
                progress.tallies[chunk.number] = tally
        self.missing += len(progress.pending)
        self._begun[run.key] = progress
        self._finish_if_whole(progress)

    def choose(
        self, ready: str | None, elsewhere: Container[str | None]
    ) -> tuple[Run, Chunk, Outputs | None] | None:
        """What a worker does next, and the outputs that its are held against.

        Args:
            ready: the run that the worker has ready.
            elsewhere: the runs that workers have ready.
        """
        possible: list[tuple[int, int, _Progress, Chunk]] = []
        for progress in self._begun.values():
            chunk = self._next(progress)
            key = progress.run.key
            if chunk is None:
                continue
            if key == ready:
                rank = 0
            elif key not in elsewhere:
                rank = 1
            elif progress.tallies:
                rank = 2
            else:
                # Someone is compiling it: once that is done it needn't be done again.
                continue
            possible.append((rank, -len(progress.pending) if rank == 2 else 0, progress, chunk))
        if not possible:
            return None
        *_, progress, chunk = min(possible, key=lambda each: each[:2])
        progress.pending.remove(chunk)
        expected = None if progress.run.reference else self._expectation(chunk)
        return progress.run, chunk, expected

    def keep(self, run: Run, chunk: Chunk, outcome: Outcome) -> None:
        """Store what came of a chunk."""
        if outcome.outputs is not None:
            self._store.keep_expected(run.key, chunk.number, outcome.outputs)
            self._expected.add(chunk.number)
        self._store.keep_chunk(run.key, chunk.number, outcome.tally)
        self.missing -= 1
        progress = self._begun[run.key]
        progress.tallies[chunk.number] = outcome.tally
        self._finish_if_whole(progress)

    def _next(self, progress: _Progress) -> Chunk | None:
        """The first chunk that can be begun: the reference has to have done it before."""
        if progress.run.reference:
            return next(iter(progress.pending), None)
        return next((each for each in progress.pending if each.number in self._expected), None)

    def _finish_if_whole(self, progress: _Progress) -> None:
        if len(progress.tallies) < len(self._chunks):
            return
        key = progress.run.key
        total = sum((progress.tallies[chunk.number] for chunk in self._chunks), Tally())
        self._store.finish(key, total)
        self.finished[key] = total
        del self._begun[key]

    def _expectation(self, chunk: Chunk) -> Outputs | None:
        run = self._reference
        samples = chunk.last - chunk.first
        return self._store.expected(run.key, chunk.number, run.outputs, samples)


def run_all(
    runs: Sequence[Run],
    chunks: Sequence[Chunk],
    crew: Sequence[Worker],
    store: Store,
    report: Report,
) -> dict[str, Tally]:
    """Do all chunks of all runs that the store doesn't have, and keep each as it is done.

    Args:
        runs: the reference and all others, with different keys.
        chunks: of the samples.
        crew: who works.
        store: where results are kept.
        report: called with chunks done, earlier ones among them, and how many there are.

    Returns:
        The counts of each run by its key.
    """
    (reference,) = (run for run in runs if run.reference)
    board = _Board(reference, chunks, store)
    for run in runs:
        board.enter(run)
    flying: dict[Future[Outcome], tuple[Worker, Run, Chunk]] = {}
    idle = list(crew)
    total = len(runs) * len(chunks)
    while True:
        report(total - board.missing, total)
        for worker in tuple(idle):
            chosen = board.choose(worker.ready, {other.ready for other in crew})
            if chosen is not None:
                run, chunk, expected = chosen
                flying[worker.submit(run, chunk, expected)] = worker, run, chunk
                idle.remove(worker)
        if not flying:
            break
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            worker, run, chunk = flying.pop(future)
            board.keep(run, chunk, future.result())
            idle.append(worker)
    return board.finished
