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
    """Put interrupts off; a process started meanwhile inherits that, and leaves them to us.

    The mask is what processes inherit.  It doesn't keep Python from interrupting: the signal then
    goes to a thread of some library, and the handler runs in the main thread all the same.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with _handler_held():
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def _handler_held() -> Generator[None, None, None]:
    """Run the handler of an interrupt when the context ends (only the main thread has it)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def _begin(prepare: Callable[[], object] | None) -> None:
    threading.Thread(target=_end_after_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
