# SPDX-License-Identifier: Apache-2.0
"""What every vectorized scaling offers, and the memory it works in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray

BLOCK = 16384
"""Elements worked on at a time: what a kernel touches stays in a core's second-level cache."""

INT64_MAX = (1 << 63) - 1


class Workspace:
    """Scratch arrays of one call, as long as its largest block, allocated when first asked for."""

    def __init__(self, size: int) -> None:
        """Set the length of every scratch array."""
        self._size = size
        self._arrays: dict[tuple[type[np.generic], int], NDArray[Any]] = {}

    def array(self, kind: type[np.generic], index: int, size: int) -> NDArray[Any]:
        """The first ``size`` elements of scratch array number ``index`` of one type."""
        key = (kind, index)
        if key not in self._arrays:
            self._arrays[key] = np.empty(self._size, dtype=kind)
        return self._arrays[key][:size]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one call: ``|x| <= accumulator``, and results beyond ``|y| = result`` are clamped."""

    accumulator: int
    result: int


class Kernel(Protocol):
    """One family of scalings on flat blocks whose first element belongs to the first channel."""

    @property
    def limit(self) -> int:
        """The kernel is exact, and overflows nothing, for ``|x| <= limit``; -1: for no ``x``."""
        ...

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """The rounded results, as int64 or as floats that are integers, in a scratch array.

        ``x`` is one block.  A result beyond ``bounds.result`` in magnitude will be clamped: it need
        only stay at or beyond it, on its side.
        """
        ...


def block_rows(channels: int) -> int:
    """How many rows of ``channels`` elements make a block."""
    return max(1, BLOCK // channels)


def spread(values: Sequence[int | float], kind: type[np.generic]) -> NDArray[Any]:
    """One parameter a channel, repeated to the length of a block; one element where all are equal.

    Blocks are flat: a broadcast over a short last axis would cost a loop for each row.
    """
    column = np.array(values, dtype=kind)
    if (column == column[0]).all():
        return column[:1]
    return np.tile(column, block_rows(len(values)))


def part(column: NDArray[Any], size: int) -> NDArray[Any]:
    """The parameters of a block's first ``size`` elements."""
    return column if column.size == 1 else column[:size]


def magnitude_of(x: IntegerArray) -> int:
    """The largest absolute value in an array; 0 in an empty one."""
    if x.size == 0:
        return 0
    return max(abs(int(x.min())), abs(int(x.max())))
