# SPDX-License-Identifier: Apache-2.0
"""Memory for runs that may go side by side, used again and again."""

from collections.abc import Generator
from contextlib import contextmanager

from intaglio.compiler.ir.graph import Array
from intaglio.simulator.compiled.loading import aligned


class Arenas:
    """As many arenas of one size as runs were ever under way at once."""

    def __init__(self, size: int) -> None:
        """Start with none."""
        self._size = size
        self._free: list[Array] = []

    @contextmanager
    def lent(self) -> Generator[Array, None, None]:
        """An arena that nobody else has until the block ends."""
        arena = self._taken()
        try:
            yield arena
        finally:
            self._free.append(arena)

    def _taken(self) -> Array:
        # Asking first whether there is one would leave a moment for another thread to take it.
        try:
            return self._free.pop()
        except IndexError:
            return aligned(self._size)
