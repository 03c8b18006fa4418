# SPDX-License-Identifier: Apache-2.0
"""The vectorized twin of ``Thresholds``: a binary search in each channel's steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.scalings import Thresholds
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace


class ThresholdKernel:
    """Count the steps reached."""

    def __init__(self, scalings: Sequence[Thresholds]) -> None:
        """Hold each channel's steps; those beyond int64 are reached by all or by none."""
        self._steps = [
            np.array([v for v in s.values if abs(v) <= INT64_MAX], dtype=np.int64) for s in scalings
        ]
        self._base = [sum(v < -INT64_MAX for v in s.values) for s in scalings]
        self._signs = [scaling.direction for scaling in scalings]

    @property
    def limit(self) -> int:
        """Every int64 but the lowest, which has no magnitude there."""
        return INT64_MAX

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        count = work.array(np.int64, 0, x.size)
        channels = len(self._steps)
        for channel, steps in enumerate(self._steps):
            reached = np.searchsorted(steps, x[channel::channels].astype(np.int64), side="right")
            count[channel::channels] = (reached + self._base[channel]) * self._signs[channel]
        return count
