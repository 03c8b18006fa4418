# SPDX-License-Identifier: Apache-2.0
"""A rectifier as two scalings, one for each sign of the operand."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.passes.select_arithmetic.tables import Int64Array
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling
from intaglio.numerics.vectorized import apply_requantizers

_MOST = 1 << 52
"""Codes saturate here, beyond every word that a table may hold."""


@dataclass(frozen=True, slots=True)
class Branches:
    """``y = z_out + (v >= 0 ? above(v) : sign * below(factor * v))`` with ``v = q - z``.

    Attributes:
        zero_point: z.
        target_zero_point: z_out.
        above: for v >= 0.
        below: for v < 0.
        factor: an integer in the operand of ``below``.
        sign: 1 or -1, of its result.
    """

    zero_point: int
    target_zero_point: int
    above: Scaling
    below: Scaling
    factor: int = 1
    sign: int = 1

    def __call__(self, codes: Int64Array) -> Int64Array:
        """Whole arrays; results saturate beyond 2**52."""
        v = codes - self.zero_point
        rising = v >= 0
        scaled = np.empty_like(v)
        scaled[rising] = _saturated(self.above, v[rising])
        scaled[~rising] = self.sign * _saturated(self.below, self.factor * v[~rising])
        return scaled + self.target_zero_point


@dataclass(frozen=True, slots=True)
class RequantizedBranches:
    """``y = v >= 0 ? above(v) : below(v)`` with ``v = q - z``.

    Attributes:
        zero_point: z.
        above: for v >= 0.
        below: for v < 0.
    """

    zero_point: int
    above: Requantizer
    below: Requantizer

    def __call__(self, codes: Int64Array) -> Int64Array:
        """Whole arrays."""
        v = codes - self.zero_point
        rising = v >= 0
        found = np.empty_like(v)
        found[rising] = apply_requantizers([self.above], v[rising])
        found[~rising] = apply_requantizers([self.below], v[~rising])
        return found


def _saturated(scaling: Scaling, x: Int64Array) -> Int64Array:
    return apply_requantizers([Requantizer(scaling, 0, -_MOST, _MOST)], x).astype(np.int64)
