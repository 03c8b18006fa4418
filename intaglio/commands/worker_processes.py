# SPDX-License-Identifier: Apache-2.0
"""Processes that work for this one, end with it, and leave interrupts to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def start_processes(
    workers: int, prepare: Callable[[], object] | None = None
) -> ProcessPoolExecutor:
    """A pool of ``workers`` processes, each of which calls ``prepare`` once.

    Submit within ``interrupts_held()``: the first submissions start the processes.
    """
    # Spawned, not forked: a fork would inherit the locks of an inference engine's threads.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(prepare,))


@contextmanager
def interrupts_held() -> Generator[None, None, None]:
    """Put interrupts off; a process started meanwhile inherits that, and leaves them to us."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _begin(prepare: Callable[[], object] | None) -> None:
    threading.Thread(target=_end_after_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
