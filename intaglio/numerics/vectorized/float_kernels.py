# SPDX-License-Identifier: Apache-2.0
"""The vectorized twins of the scalings that multiply in floating point.

NumPy's float arithmetic is IEEE-754: every operation rounds once, half to even, and no product is
fused with a sum.  Subnormals must not be flushed: a process that sets the CPU's flush-to-zero mode
breaks every IEEE rule here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Float32Multiply, Float32MultiplyAdd, Float64Multiply
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread

RESULT_LIMIT = 1 << 62
"""Float results stay below this, with room for roundings, so that they convert to int64."""


def _limit(factors: Sequence[float], addends: Sequence[float]) -> int:
    """The largest ``|x|`` whose results are sure to stay below ``RESULT_LIMIT``."""
    room = RESULT_LIMIT // 2 - max(abs(addend) for addend in addends)
    if room < 1:
        return -1
    largest = max(max(abs(factor) for factor in factors), 1.0)
    return min(int(room / largest) // 2, INT64_MAX)


class Float32Kernel:
    """Convert, multiply, perhaps add, round; in float32."""

    def __init__(
        self,
        scalings: Sequence[Float32Multiply | Float32MultiplyAdd],
        rounding: Rounding = Rounding.HALF_EVEN,
    ) -> None:
        """Lay out the parameters; all scalings are of one class and round alike."""
        self._away = rounding is Rounding.HALF_AWAY_FROM_ZERO
        factors = [scaling.factor.value for scaling in scalings]
        addends = [s.addend.value for s in scalings if isinstance(s, Float32MultiplyAdd)]
        self._limit = _limit(factors, addends or [0.0])
        self._factor = spread(factors, np.float32)
        self._addend = spread(addends, np.float32) if addends else None

    @property
    def limit(self) -> int:
        """Where every result is finite and an int64."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        value = work.array(np.float32, 0, x.size)
        np.copyto(value, x, casting="same_kind")
        np.multiply(value, part(self._factor, x.size), out=value)
        if self._addend is not None:
            np.add(value, part(self._addend, x.size), out=value)
        if self._away:
            return _half_away_from_zero(value, work.array(np.float32, 1, x.size))
        np.rint(value, out=value)
        return value


class Float64Kernel:
    """Convert, multiply, round half away from zero; in float64."""

    def __init__(self, scalings: Sequence[Float64Multiply]) -> None:
        """Lay out the parameters."""
        factors = [scaling.factor.value for scaling in scalings]
        self._limit = _limit(factors, [0.0])
        self._factor = spread(factors, np.float64)

    @property
    def limit(self) -> int:
        """Where every result is finite and an int64."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        value = work.array(np.float64, 0, x.size)
        np.copyto(value, x, casting="same_kind")
        np.multiply(value, part(self._factor, x.size), out=value)
        return _half_away_from_zero(value, work.array(np.float64, 1, x.size))


def _half_away_from_zero(value: NDArray[Any], half: NDArray[Any]) -> NDArray[Any]:
    """Round ``value`` in place; ``half`` is room for as many numbers of its type.

    That is ``trunc(v + copysign(h, v))`` with ``h`` the number before 0.5: the sum reaches the next
    integer exactly when the fraction of ``|v|`` is a half or more.
    """
    before_half = np.nextafter(value.dtype.type(0.5), value.dtype.type(0.0))
    np.copysign(before_half, value, out=half)
    np.add(value, half, out=value)
    np.trunc(value, out=value)
    return value
