# SPDX-License-Identifier: Apache-2.0
"""Which width each layer gets, so that the least is lost within a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidOption

FINEST = 1 << 15
"""The steps that what a budget leaves beyond the cheapest choices is divided into, at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One width of one layer.

    Attributes:
        bits: the width.
        cost: in the budget's unit.
        loss: what it adds to the network's loss.
    """

    bits: int
    cost: int
    loss: float


def assign_widths(layers: Sequence[Sequence[Choice]], budget: int) -> tuple[Choice, ...]:
    """One choice for each layer: the least sum of losses whose sum of costs is within ``budget``.

    The knapsack problem with one item of each class, by dynamic programming over the cost beyond
    the cheapest choices.  That is exact where the greatest common divisor of those extra costs
    fits the budget's rest at most ``FINEST`` times; else extra costs are rounded up to a part in
    ``FINEST`` of the rest, so that the result keeps the budget and loses at most what a budget
    smaller by ``len(layers) + 1`` such parts would.

    Args:
        layers: for each layer its choices.
        budget: the most that the choices may cost together.

    Raises:
        InvalidOption: even the cheapest choices cost more.

    Source: Kellerer, Pferschy and Pisinger, Knapsack Problems (2004), chapter 11, for the
    recursion.
    """
    cheapest = [min(choice.cost for choice in choices) for choices in layers]
    rest = budget - sum(cheapest)
    if rest < 0:
        raise InvalidOption(
            "budget",
            budget,
            f"the narrowest codes cost {sum(cheapest)} already",
            "raise the budget, or allow narrower weights",
        )
    ordered = [sorted(choices, key=lambda choice: choice.cost) for choices in layers]
    extras = [
        [choice.cost - least for choice in choices]
        for choices, least in zip(ordered, cheapest, strict=True)
    ]
    step = gcd(*(extra for each in extras for extra in each)) or 1
    step = max(step, -(-rest // FINEST))
    steps = rest // step
    least: NDArray[np.float64] = np.zeros(steps + 1)
    picks: list[NDArray[np.intp]] = []
    for choices, each in zip(ordered, extras, strict=True):
        sums: NDArray[np.float64] = np.full((len(choices), steps + 1), np.inf)
        for row, (choice, extra) in enumerate(zip(choices, each, strict=True)):
            used = -(-extra // step)
            if used <= steps:
                sums[row, used:] = least[: steps + 1 - used] + choice.loss
        picks.append(sums.argmin(axis=0))
        least = sums.min(axis=0)
    chosen: list[Choice] = []
    for choices, each, pick in zip(
        reversed(ordered), reversed(extras), reversed(picks), strict=True
    ):
        row = int(pick[steps])
        chosen.append(choices[row])
        steps -= -(-each[row] // step)
    return tuple(reversed(chosen))
