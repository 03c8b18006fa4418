# SPDX-License-Identifier: Apache-2.0
"""The vectorized twin of ``RationalMultiply``: estimate in float64, decide close calls exactly.

Let ``u = 2**-53`` and ``c = fl64(numerator / denominator)``.  For ``|x| <= 2**53`` the estimate
``e = fl64(x * c)`` has two roundings, so ``|e - x*numerator/denominator| <= |e| * 2.01u``.  Where
``e`` is further than ``|e| * 4u`` from every point at which the rounding mode changes its mind
(halves, or integers), the estimate rounds as the exact value does.  The others are recomputed.
"""

from collections.abc import Sequence
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.rounding import Rounding, divide_array
from intaglio.numerics.scalings import RationalMultiply
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread

EXACT_IN_FLOAT64 = 1 << 53
FOUR_UNITS = 2.0**-51
SAFE_EXPONENT = 900
"""Between ``2**-900`` and ``2**900`` no quotient or product is subnormal or infinite."""


class RationalKernel:
    """Estimates with exact decisions."""

    def __init__(self, scalings: Sequence[RationalMultiply], rounding: Rounding) -> None:
        """Lay out the parameters; all scalings round alike."""
        self._scalings = scalings
        self._rounding = rounding
        self._largest = 0.0
        self._limit = -1
        for scaling in scalings:
            difference = scaling.numerator.bit_length() - scaling.denominator.bit_length()
            if scaling.numerator and abs(difference) > SAFE_EXPONENT:
                return
        ratios = [scaling.numerator / scaling.denominator for scaling in scalings]
        self._ratio = spread(ratios, np.float64)
        self._largest = max(abs(ratio) for ratio in ratios)
        # Recomputed results are stored as float64 too, so they must be exact there.
        self._limit = int(EXACT_IN_FLOAT64 / max(self._largest, 1.0)) // 2
        self._numerator = _small([scaling.numerator for scaling in scalings])
        self._denominator = _small([scaling.denominator for scaling in scalings])

    @property
    def limit(self) -> int:
        """Where ``x`` and every result are integers that float64 holds."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``; estimates beyond ``bounds.result`` may be off, but stay beyond."""
        estimate = work.array(np.float64, 0, x.size)
        rounded = work.array(np.float64, 1, x.size)
        distance = work.array(np.float64, 2, x.size)
        np.multiply(x, part(self._ratio, x.size), out=estimate)
        np.rint(estimate, out=rounded)
        np.subtract(estimate, rounded, out=distance)
        np.abs(distance, out=distance)
        largest = min(bounds.accumulator * self._largest, float(bounds.result + 1))
        margin = max(largest, 1.0) * FOUR_UNITS
        if self._rounding.to_nearest:
            doubtful = distance.max(initial=0.0) >= 0.5 - margin
            close = np.flatnonzero(distance >= 0.5 - margin) if doubtful else None
        else:
            doubtful = distance.min(initial=1.0) <= margin
            close = np.flatnonzero(distance <= margin) if doubtful else None
            _round_directed(estimate, self._rounding, rounded)
        if close is not None:
            rounded[close] = self._exact(x[close], close)
        return rounded

    def _exact(self, x: IntegerArray, positions: NDArray[np.intp]) -> IntegerArray:
        """The definition on a few elements; in int64 where their products fit."""
        if self._numerator is not None and self._denominator is not None:
            largest = int(np.abs(self._numerator).max())
            bound = max(abs(int(x.min())), abs(int(x.max())))
            if bound * largest <= INT64_MAX:
                numerators = x.astype(np.int64) * _at(self._numerator, positions)
                denominators = _at(self._denominator, positions)
                return divide_array(numerators, denominators, self._rounding)
        places: list[int] = positions.tolist()
        values: list[int] = x.tolist()
        count = len(self._scalings)
        results = [
            self._scalings[position % count].apply(value)
            for position, value in zip(places, values, strict=True)
        ]
        return np.array(results, dtype=np.float64)


def _small(values: Sequence[int]) -> NDArray[np.int64] | None:
    """One value a channel where all fit int64."""
    if max(abs(value) for value in values) > INT64_MAX:
        return None
    return np.array(values, dtype=np.int64)


def _at(column: NDArray[np.int64], positions: NDArray[np.intp]) -> NDArray[np.int64]:
    return column[positions % column.size]


def _round_directed(
    values: NDArray[np.float64], mode: Rounding, out: NDArray[np.float64]
) -> NDArray[np.float64]:
    match mode:
        case Rounding.FLOOR:
            return np.floor(values, out=out)
        case Rounding.CEIL:
            return np.ceil(values, out=out)
        case Rounding.TOWARD_ZERO:
            return np.trunc(values, out=out)
        case Rounding.AWAY_FROM_ZERO:
            np.ceil(np.abs(values, out=out), out=out)
            return np.copysign(out, values, out=out)
        case (
            Rounding.HALF_TOWARD_POSITIVE
            | Rounding.HALF_TOWARD_NEGATIVE
            | Rounding.HALF_EVEN
            | Rounding.HALF_AWAY_FROM_ZERO
            | Rounding.HALF_TOWARD_ZERO
        ):
            return np.rint(values, out=out)
        case _:
            assert_never(mode)
