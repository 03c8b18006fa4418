# SPDX-License-Identifier: Apache-2.0
"""How many threads BLAS may use: a matter of the process, so the caller's to decide."""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

# threadpoolctl carries no types.
threadpoolctl: Any = import_module("threadpoolctl")


def one_blas_thread() -> AbstractContextManager[object]:
    """Hold BLAS to one thread, in all Python threads, until the context ends.

    A program runs best inside, an image a Python thread: the matrices of a network are too small to
    be worth more.  On a busy machine BLAS threads wait for each other, by spinning, ten times
    longer than they work.  Enter it once, in the main thread, around all runs.
    """
    limits: AbstractContextManager[object] = threadpoolctl.threadpool_limits(
        limits=1, user_api="blas"
    )
    return limits
