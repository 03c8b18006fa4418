# SPDX-License-Identifier: Apache-2.0
"""Runs that are under way at once never share an arena; later ones use them again."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from intaglio.simulator.compiled.arenas import Arenas


def test_blocks_at_once_have_arenas_of_their_own() -> None:
    arenas = Arenas(100)
    with arenas.lent() as first, arenas.lent() as second:
        assert not np.shares_memory(first, second)
        assert [arena.size for arena in (first, second)] == [100, 100]
        assert [arena.ctypes.data % 64 for arena in (first, second)] == [0, 0]
    with arenas.lent() as third, arenas.lent() as fourth:
        assert {id(third), id(fourth)} == {id(first), id(second)}


def test_a_run_that_fails_gives_its_arena_back() -> None:
    arenas = Arenas(100)
    with pytest.raises(ValueError, match="within"), arenas.lent() as first:
        raise ValueError("within")
    with arenas.lent() as again:
        assert again is first


def test_another_thread_may_take_the_last_one_first() -> None:
    """A list that is empty by the time it is popped, though it wasn't when it was looked at."""

    class Contended(Arenas):
        class Free(list[object]):
            def __len__(self) -> int:
                return 1

            def __bool__(self) -> bool:
                return True

        def __init__(self) -> None:
            super().__init__(100)
            self._free = Contended.Free()  # type: ignore[assignment]

    with Contended().lent() as arena:
        assert arena.size == 100


def test_threads_hold_arenas_alone() -> None:
    arenas = Arenas(8)

    def hold(number: int) -> bool:
        with arenas.lent() as arena:
            arena[:] = number % 256
            sum(range(50))
            return bool((arena == number % 256).all())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(hold, range(2000)))
    finally:
        sys.setswitchinterval(interval)
