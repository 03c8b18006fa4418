# SPDX-License-Identifier: Apache-2.0
"""Workers: this process, processes of this machine; each keeps the run that it had last ready."""

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from intaglio.commands.sweep.chunk_runs import Chunk, ChunkRunner, Outcome, Run
from intaglio.commands.sweep.encoding import EncodedData
from intaglio.commands.sweep.outputs import Outputs
from intaglio.commands.worker_processes import interrupts_held, start_processes
from intaglio.errors import InvalidOption

MAXIMUM_WORKERS = 256


class Worker(Protocol):
    """Runs one chunk at a time."""

    @property
    def ready(self) -> str | None:
        """The key of the run that it has ready."""
        ...

    def submit(self, run: Run, chunk: Chunk, expected: Outputs | None) -> "Future[Outcome]":
        """Begin a chunk; a run other than the one that is ready is sent along first."""
        ...


def require_workers(workers: int, least: int) -> None:
    """Refuse a number of workers that makes no sense.

    Raises:
        InvalidOption: it does not.
    """
    if not least <= workers <= MAXIMUM_WORKERS:
        raise InvalidOption(
            "--workers", workers, "no such number of workers", f"use {least} to {MAXIMUM_WORKERS}"
        )


@contextmanager
def local_crew(
    workers: int, data: Mapping[str, EncodedData]
) -> Generator[Sequence[Worker], None, None]:
    """Processes of this machine; 0: this one.

    Raises:
        InvalidOption: one of them dies.
    """
    if workers == 0:
        yield (_InThisProcess(data),)
        return
    prepare = partial(_prepare, dict(data))
    pools = [start_processes(1, prepare) for _ in range(workers)]
    try:
        with ExitStack() as stack:
            for pool in pools:
                stack.callback(pool.shutdown, cancel_futures=True)
            yield tuple(_Process(pool) for pool in pools)
    except BrokenProcessPool as error:
        raise InvalidOption(
            "--workers",
            workers,
            "a worker process ended",
            "run the command again: it goes on where it was; --workers 0 shows the cause",
        ) from error


@dataclass(slots=True)
class _InThisProcess:
    data: Mapping[str, EncodedData]
    runner: ChunkRunner | None = None

    @property
    def ready(self) -> str | None:
        return None if self.runner is None else self.runner.key

    def submit(self, run: Run, chunk: Chunk, expected: Outputs | None) -> "Future[Outcome]":
        if self.runner is None or self.runner.key != run.key:
            self.runner = ChunkRunner(run)
        done: Future[Outcome] = Future()
        done.set_result(_outcome(self.runner, self.data[run.data], chunk, expected))
        return done


@dataclass(slots=True)
class _Process:
    pool: ProcessPoolExecutor
    ready: str | None = field(default=None)

    def submit(self, run: Run, chunk: Chunk, expected: Outputs | None) -> "Future[Outcome]":
        sent = None if self.ready == run.key else run.to_travel()
        self.ready = run.key
        with interrupts_held():
            return self.pool.submit(_run_in_process, sent, run.data, chunk, expected)


_process_data: Mapping[str, EncodedData] = {}
_process_runner: ChunkRunner | None = None


def _prepare(data: Mapping[str, EncodedData]) -> None:
    global _process_data
    _process_data = data


def _run_in_process(run: Run | None, data: str, chunk: Chunk, expected: Outputs | None) -> Outcome:
    global _process_runner
    if run is not None:
        # The old one goes first: two networks need not fit into memory at once.
        _process_runner = None
        _process_runner = ChunkRunner(run)
    if _process_runner is None:
        raise RuntimeError("a worker process was given no run")
    return _outcome(_process_runner, _process_data[data], chunk, expected)


def _outcome(
    runner: ChunkRunner, data: EncodedData, chunk: Chunk, expected: Outputs | None
) -> Outcome:
    rows, labels = data.rows(chunk.first, chunk.last), data.labels_of(chunk.first, chunk.last)
    return runner.outcome(rows, labels, expected)
