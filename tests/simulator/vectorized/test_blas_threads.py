# SPDX-License-Identifier: Apache-2.0
"""BLAS is held to one thread, in every Python thread, and let go again."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest

from intaglio.simulator.vectorized import one_blas_thread

threadpoolctl: Any = import_module("threadpoolctl")


def threads() -> set[int]:
    """How many threads the BLAS libraries may use."""
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas")
    return {library["num_threads"] for library in libraries.info()}


def test_one_blas_thread() -> None:
    if not threads():
        pytest.skip("threadpoolctl doesn't know NumPy's BLAS: there is nothing to hold")
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        with one_blas_thread(), ThreadPoolExecutor(1) as pool:
            assert threads() == {1}
            assert pool.submit(threads).result() == {1}
        assert threads() == {2}
