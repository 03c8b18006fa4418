# SPDX-License-Identifier: Apache-2.0
"""Many runs of one graph, in order, over threads or processes, with a bounded look-ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial

from intaglio.commands.engines import EngineName, Outcome, Runner
from intaglio.commands.worker_processes import interrupts_held, start_processes
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import InvalidOption
from intaglio.simulator import vectorized
from intaglio.simulator.statistics import ObservedProgram

MAX_THREADS = 256

Feeds = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine, and perhaps another that it is held against."""

    engine: EngineName
    against: EngineName | None = None

    @property
    def in_processes(self) -> bool:
        """Whether threads gain nothing: the reference engine holds Python's lock."""
        return EngineName.REFERENCE in (self.engine, self.against)


def run_in_order(
    graph: Graph, engines: Engines, feeds: Iterable[Feeds], threads: int
) -> Generator[Outcome, None, None]:
    """Run the graph on each of ``feeds``, up to ``threads`` at a time, and yield in order.

    At most two runs a thread are under way.  Closing the generator, or an interrupt, ends them.

    Raises:
        InvalidOption: for a number of threads that makes no sense.
        InvalidData: the feeds don't fit the graph.
    """
    _require_threads(threads)
    if threads > 1 and engines.in_processes:
        yield from _in_processes(graph, engines, feeds, threads)
        return
    yield from _in_threads(Runner.of(graph, engines.engine, engines.against), feeds, threads)


def observe_in_order(
    graph: Graph, widths: Mapping[str, int], feeds: Iterable[Feeds], threads: int
) -> Generator[Outcome, None, None]:
    """As ``run_in_order``, with what the sums and clamps of each run did.

    Args:
        graph: a fixed graph.
        widths: the bits that headroom is measured against, by the sum's name; else its type's.
        feeds: the inputs of each run.
        threads: how many runs at a time.

    Raises:
        InvalidOption: for a number of threads that makes no sense.
        InvalidData: the feeds don't fit the graph.
    """
    _require_threads(threads)
    program = ObservedProgram(graph, widths)

    def observed(inputs: Feeds, _: int) -> Outcome:
        found = program.run(inputs)
        return Outcome(found.outputs, None, found.statistics)

    yield from _in_threads(observed, feeds, threads)


def _require_threads(threads: int) -> None:
    if not 1 <= threads <= MAX_THREADS:
        raise InvalidOption(
            "--threads", threads, "no such number of threads", f"use 1 to {MAX_THREADS}"
        )


def _in_threads(
    runner: Callable[[Feeds, int], Outcome], feeds: Iterable[Feeds], threads: int
) -> Generator[Outcome, None, None]:
    with vectorized.one_blas_thread():
        if threads > 1:
            yield from _pooled(ThreadPoolExecutor(threads), runner, feeds, threads)
            return
        for index, inputs in enumerate(feeds):
            yield runner(inputs, index)


def _in_processes(
    graph: Graph, engines: Engines, feeds: Iterable[Feeds], threads: int
) -> Generator[Outcome, None, None]:
    # A graph remembers what it has looked up, which doesn't travel; a copy remembers nothing.
    prepare = partial(_prepare_process, replace(graph), engines)
    try:
        yield from _pooled(start_processes(threads, prepare), _run_in_process, feeds, threads)
    except BrokenProcessPool as error:
        raise InvalidOption(
            "--threads",
            threads,
            "a worker process ended while simulating",
            "use --threads 1 to simulate in the main process and see the cause",
        ) from error


def _pooled(
    pool: Executor,
    work: Callable[[Feeds, int], Outcome],
    feeds: Iterable[Feeds],
    threads: int,
) -> Generator[Outcome, None, None]:
    pending: deque[Future[Outcome]] = deque()
    try:
        for index, inputs in enumerate(feeds):
            with interrupts_held():
                pending.append(pool.submit(work, inputs, index))
            if len(pending) >= 2 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_process_runner: Runner | None = None


def _prepare_process(graph: Graph, engines: Engines) -> None:
    global _process_runner
    _process_runner = Runner.of(graph, engines.engine, engines.against)


def _run_in_process(inputs: Feeds, index: int) -> Outcome:
    if _process_runner is None:
        raise RuntimeError("a worker process was not prepared")
    with vectorized.one_blas_thread():
        return _process_runner(inputs, index)
