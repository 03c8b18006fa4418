# SPDX-License-Identifier: Apache-2.0
"""The vectorized twin of ``DoubleRounding``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import INT32, IntegerArray
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread


class DoubleRoundingKernel:
    """Wrap to 32 bits, multiply high with rounding in int64, then shift with rounding."""

    def __init__(self, scalings: Sequence[DoubleRounding], ties: Rounding) -> None:
        """Lay out the parameters; all scalings have the same ``ties``."""
        left = [max(scaling.shift, 0) for scaling in scalings]
        right = [max(-scaling.shift, 0) for scaling in scalings]
        self._left = spread([1 << shift for shift in left], np.int64) if any(left) else None
        self._multiplier = spread([scaling.multiplier for scaling in scalings], np.int64)
        self._saturates = any(scaling.multiplier == INT32.minimum for scaling in scalings)
        self._right = spread(right, np.int64) if any(right) else None
        half = 0 if ties is Rounding.FLOOR else 1
        self._half = spread([(half << shift) >> 1 for shift in right], np.int64)
        self._ties_away = ties is Rounding.HALF_AWAY_FROM_ZERO
        self._all_round = all(right)
        # -1 where the second rounding takes place, 0 where there is none.
        self._rounds = spread([-int(shift > 0) for shift in right], np.int64)

    @property
    def limit(self) -> int:
        """Every int64: the machine wraps to 32 bits first."""
        return INT64_MAX

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        size = x.size
        high = work.array(np.int64, 0, size)
        np.multiply(self._wrapped(x, work), part(self._multiplier, size), out=high)
        np.add(high, 1 << 30, out=high)
        np.right_shift(high, 31, out=high)
        if self._saturates:
            np.minimum(high, INT32.maximum, out=high)
        if self._right is None:
            return high
        if self._ties_away:
            self._lower_negatives(high, work)
        np.add(high, part(self._half, size), out=high)
        np.right_shift(high, part(self._right, size), out=high)
        return high

    def _wrapped(self, x: IntegerArray, work: Workspace) -> IntegerArray:
        """``wrap32(x << left)`` as int32, or ``x`` itself where that changes nothing."""
        if self._left is None and np.can_cast(x.dtype, np.int32):
            return x
        word = work.array(np.int32, 0, x.size)
        np.copyto(word, x, casting="unsafe")
        if self._left is not None:
            np.multiply(word, part(self._left, x.size), out=word, casting="unsafe")
        return word

    def _lower_negatives(self, high: NDArray[np.int64], work: Workspace) -> None:
        """Take 1 from negative values that will be shifted, so that their halves go down."""
        sign = work.array(np.int64, 1, high.size)
        np.right_shift(high, 63, out=sign)
        if not self._all_round:
            np.bitwise_and(sign, part(self._rounds, high.size), out=sign)
        np.add(high, sign, out=high)
