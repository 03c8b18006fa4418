# SPDX-License-Identifier: Apache-2.0
"""Integer weights near real ones that keep to budgets.

First the real weights are drawn towards zero until every budget holds: of the magnitudes a
constant is subtracted, which for one budget is the projection with the least square error.  Then
they are rounded towards zero, and what is left of the budgets goes, a unit each, to the weights
that gain most by it.  Real numbers only choose; the budgets are checked in exact integers.
"""

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.passes.fit_accumulators.budgets import Budget, within
from intaglio.numerics.integers import IntegerArray

Reals = NDArray[np.float64]

_ROUNDS, _NEWTON_STEPS, _MOST_FILLS = 8, 16, 64
_FINENESS, _MOST_GAIN = 64, (1 << 15) - 1


def shrink(
    magnitudes: Reals, positive: NDArray[np.bool_], budgets: tuple[Budget, ...]
) -> IntegerArray:
    """Integer magnitudes ``[channels, weights]`` that keep to every budget.

    Args:
        magnitudes: the real ones to be near to.
        positive: which weights are positive; the others are negative or zero.
        budgets: none of whose limits is negative.
    """
    found: IntegerArray = np.floor(_drawn(magnitudes, positive, budgets)).astype(np.int64)
    # Rounding of floats may have left a sum a hair too large: then a unit less everywhere.
    excessive = ~within(budgets, *_sums(found, positive))
    found[excessive] = np.maximum(found[excessive] - 1, 0)
    for _ in range(_MOST_FILLS):
        filled = _filled(found, magnitudes, positive, budgets)
        if np.array_equal(filled, found):
            break
        found = filled
    return found


def _sums(
    magnitudes: IntegerArray, positive: NDArray[np.bool_]
) -> tuple[IntegerArray, IntegerArray]:
    """The sums of the positive weights and of the magnitudes of the negative ones."""
    return (
        np.where(positive, magnitudes, 0).sum(axis=1),
        np.where(positive, 0, magnitudes).sum(axis=1),
    )


def _drawn(magnitudes: Reals, positive: NDArray[np.bool_], budgets: tuple[Budget, ...]) -> Reals:
    """Real magnitudes that keep to the budgets, the one that is exceeded most first."""
    drawn = magnitudes.copy()
    of_positive = np.array([each.positive for each in budgets], np.float64)
    of_negative = np.array([each.negative for each in budgets], np.float64)
    limits = np.stack([each.limit.astype(np.float64) for each in budgets], axis=1)
    for _ in range(_ROUNDS):
        up, down = (sums[:, np.newaxis] for sums in _sums(drawn, positive))
        over = (of_positive * up + of_negative * down) / np.maximum(limits, 0.5)
        rows = np.flatnonzero(over.max(axis=1) > 1)
        if not rows.size:
            break
        worst = over[rows].argmax(axis=1)
        signs = positive[rows]
        costs = np.where(
            signs, of_positive[worst][:, np.newaxis], of_negative[worst][:, np.newaxis]
        )
        drawn[rows] = _projected(drawn[rows], costs, limits[rows, worst])
    return drawn


def _projected(magnitudes: Reals, costs: Reals, limit: Reals) -> Reals:
    """``max(m - λ c, 0)`` with the λ for which ``Σ c max(m - λ c, 0)`` is the limit.

    The sum falls, convex and piecewise linear, so that Newton's steps from 0 never pass that λ and
    soon reach it.
    """
    by = np.zeros((len(magnitudes), 1))
    left = magnitudes
    for _ in range(_NEWTON_STEPS):
        beyond = (costs * left).sum(axis=1) - limit
        if (beyond <= 0.5).all():
            break
        slopes = (costs * costs * (left > 0)).sum(axis=1)
        by += (np.maximum(beyond, 0) / np.maximum(slopes, 1e-30))[:, np.newaxis]
        left = np.maximum(magnitudes - by * costs, 0)
    return left


def _filled(
    found: IntegerArray,
    wanted: Reals,
    positive: NDArray[np.bool_],
    budgets: tuple[Budget, ...],
) -> IntegerArray:
    """A unit more for those that gain most, as many as the budgets allow; ties by place."""
    # (wanted - found)**2 - (wanted - found - 1)**2, less 1 and halved: positive where it helps.
    gains = wanted - found - 0.5
    keys = np.clip(gains * _FINENESS, 0, _MOST_GAIN).astype(np.int16)
    order = np.argsort(-keys, axis=1, kind="stable")
    helps = np.take_along_axis(gains, order, axis=1) > 0
    signs = np.take_along_axis(positive, order, axis=1)
    up, down = _sums(found, positive)
    taken: NDArray[np.bool_] = np.zeros_like(helps)
    # One budget may be used up by weights of one sign while there is room for the other's.
    for some in (helps, helps & signs, helps & ~signs):
        more_up = up[:, np.newaxis] + np.cumsum((taken | some) & signs, axis=1)
        more_down = down[:, np.newaxis] + np.cumsum((taken | some) & ~signs, axis=1)
        taken_up = np.maximum(
            more_up, up[:, np.newaxis] + (taken & signs).sum(axis=1, keepdims=True)
        )
        taken_down = np.maximum(
            more_down, down[:, np.newaxis] + (taken & ~signs).sum(axis=1, keepdims=True)
        )
        taken = taken | (some & within(budgets, taken_up, taken_down))
    units = np.zeros_like(found)
    np.put_along_axis(units, order, taken.astype(found.dtype), axis=1)
    return found + units
