# SPDX-License-Identifier: Apache-2.0
"""How large the weights of a channel may be, so that no partial sum leaves the accumulator.

With weights w (zero points subtracted), P the sum of the positive ones and N that of the magnitudes
of the negative ones, and x - z in ``[-l, h]``, every sum of a subset of the terms, with the bias b
or without, lies within ``[-(l P + h N) + min(b, 0), h P + l N + max(b, 0)]``, and both ends are
reached by some input.  So a signed accumulator of k bits can never overflow, in whatever order
terms are added, exactly if ``l P + h N <= 2**(k-1) + min(b, 0)`` and
``h P + l N <= 2**(k-1) - 1 - max(b, 0)``.  Where l = 0 each sum has a bound of its own; where
l = h the bound is on the L1 norm.

A pass may move the input's zero point into the bias: the terms are then ``x w`` and the bias
``b - z (P - N)``.  Budgets hold in that form as well.

Source: A2Q, arXiv 2308.13504, section 3 (the L1 bound); A2Q+, arXiv 2401.10432, section 3 (the two
sums bounded apart).  There they constrain training; here they shrink trained weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval

_MACHINE_BITS = 60
"""Up to here budgets are machine integers, beyond them Python's."""


@dataclass(frozen=True, slots=True)
class Budget:
    """``positive * P + negative * N <= limit`` for each channel; neither factor is negative.

    Attributes:
        positive: the factor of the sum of the positive weights.
        negative: the factor of the sum of the magnitudes of the negative ones.
        limit: ``[channels]``; below zero where not even weights of zero would do.
        full: what ``limit`` would be without a bias.
    """

    positive: int
    negative: int
    limit: IntegerArray
    full: int


def budgets(
    x: Interval, zero_point: int, low: IntegerArray, high: IntegerArray, word: IntType
) -> tuple[Budget, ...]:
    """All that the weights of a layer have to keep to.

    Args:
        x: the codes that the operand can hold, those of padding included.
        zero_point: of the operand.
        low: ``[channels]`` the least value of each bias.
        high: the greatest one: the same where the bias is known.
        word: the accumulator.
    """
    centred = (x | Interval(zero_point, zero_point)) - Interval(zero_point, zero_point)
    reached = x | Interval(0, 0) | Interval(zero_point, zero_point)
    below, above = -word.minimum, word.maximum
    if word.bits > _MACHINE_BITS:
        low, high = low.astype(np.object_), high.astype(np.object_)
    nothing = np.zeros_like(low)
    return (
        # (x - z) w, and b
        Budget(-centred.low, centred.high, below + np.minimum(low, 0), below),
        Budget(centred.high, -centred.low, above - np.maximum(high, 0), above),
        # x w without the bias b - z (P - N), then with it: the same sums as above
        Budget(-reached.low, reached.high, below + nothing, below),
        Budget(reached.high, -reached.low, above + nothing, above),
        Budget(-reached.low + zero_point, reached.high - zero_point, below + low, below),
        Budget(reached.high - zero_point, -reached.low + zero_point, above - high, above),
    )


def within(
    found: tuple[Budget, ...], positive: IntegerArray, negative: IntegerArray
) -> NDArray[np.bool_]:
    """Whether sums of weights ``[channels, …]`` keep to every budget, exactly."""
    held: NDArray[np.bool_] = np.ones(positive.shape, dtype=bool)
    for each in found:
        limit = each.limit.reshape(-1, *[1] * (positive.ndim - 1))
        held &= (each.positive * positive + each.negative * negative <= limit).astype(bool)
    return held


def bias_bounds(
    found: tuple[Budget, ...], positive: IntegerArray, negative: IntegerArray
) -> tuple[int, int]:
    """The least and the greatest bias of one channel that leave its budgets, made without any."""
    below, above, *_ = (each.full for each in found)
    used = [int(each.positive * positive[0] + each.negative * negative[0]) for each in found]
    return max(used[0], used[4]) - below, above - max(used[1], used[5])


def excess(
    found: tuple[Budget, ...],
    positive: IntegerArray,
    negative: IntegerArray,
) -> NDArray[np.float64]:
    """By channel, how many times weights and bias together are too large; at most 1: they fit.

    Weights, bias and this number shrink by the same factor.
    """
    ratios: list[NDArray[np.float64]] = []
    for each in found:
        used = each.full - each.limit
        total = each.positive * positive + each.negative * negative + used
        ratios.append(total.astype(np.float64) / max(each.full, 1))
    largest: NDArray[np.float64] = np.max(ratios, axis=0)
    return largest
