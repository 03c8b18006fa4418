# SPDX-License-Identifier: Apache-2.0
"""From a kernel's scratch array to the result: clamp, zero point, output type."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.vectorized.kernel import INT64_MAX, Workspace, part, spread

EXACT_INTEGERS: dict[np.dtype[Any], int] = {
    np.dtype(np.float32): 1 << 23,
    np.dtype(np.float64): 1 << 52,
    np.dtype(np.int64): INT64_MAX >> 1,
}
"""Codes up to this magnitude, and the sum of two, are exact in a type."""


class Finish(Protocol):
    """What is done with the scaled values of a block."""

    @property
    def result(self) -> int:
        """Scaled values beyond this magnitude are clamped."""
        ...

    def write(self, scaled: NDArray[Any], out: IntegerArray, work: Workspace) -> None:
        """Finish the block into ``out``; ``scaled`` is overwritten."""
        ...


class Store:
    """Keep the scaled values as int64."""

    @property
    def result(self) -> int:
        """Nothing is clamped."""
        return INT64_MAX

    def write(self, scaled: NDArray[Any], out: IntegerArray, work: Workspace) -> None:
        """See ``Finish``."""
        np.copyto(out, scaled, casting="unsafe")


class ClampAndStore:
    """``min(max(scaled, low - zero_point), high - zero_point) + zero_point``.

    Clamping first is the same as clamping last, and lets floats be clamped before they become
    integers of a narrow type.
    """

    def __init__(self, requantizers: Sequence[Requantizer]) -> None:
        """Lay out the parameters for float32, float64 and int64 values, where they are exact."""
        zero_points = [r.zero_point for r in requantizers]
        lows = [r.low - r.zero_point for r in requantizers]
        highs = [r.high - r.zero_point for r in requantizers]
        self._result = max(abs(bound) for bound in (*lows, *highs))
        ends = [bound for r in requantizers for bound in (r.low, r.high, r.zero_point)]
        largest = max(self._result, *(abs(end) for end in ends))
        self._shifts = any(zero_points)
        kinds: tuple[type[np.generic], ...] = (np.float32, np.float64, np.int64)
        self._columns = {
            np.dtype(kind): tuple(spread(values, kind) for values in (zero_points, lows, highs))
            for kind in kinds
            if largest <= EXACT_INTEGERS[np.dtype(kind)]
        }

    @property
    def fits(self) -> bool:
        """Whether int64 holds all parameters with room to add."""
        return np.dtype(np.int64) in self._columns

    @property
    def result(self) -> int:
        """The farthest clamp."""
        return self._result

    def write(self, scaled: NDArray[Any], out: IntegerArray, work: Workspace) -> None:
        """See ``Finish``."""
        if scaled.dtype not in self._columns:
            codes = work.array(np.int64, 2, scaled.size)
            np.copyto(codes, scaled, casting="unsafe")
            scaled = codes
        zero_point, low, high = (part(c, scaled.size) for c in self._columns[scaled.dtype])
        np.clip(scaled, low, high, out=scaled)
        if self._shifts:
            np.add(scaled, zero_point, out=out, casting="unsafe")
        else:
            np.copyto(out, scaled, casting="unsafe")
