# SPDX-License-Identifier: Apache-2.0
"""GZSQ's empirical statistics adjustment: statistics for another number of channels."""

from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
FillRule = Literal["min", "mean-min", "mean", "mean+min", "max-mean", "max+mean", "max"]
Fill = FillRule | Literal["paper"]


def filler(available: Vector, rule: FillRule) -> float:
    """The one number that a rule makes of the statistics at hand."""
    least, middle, most = float(available.min()), float(available.mean()), float(available.max())
    match rule:
        case "min":
            return least
        case "mean-min":
            return middle - least
        case "mean":
            return middle
        case "mean+min":
            return middle + least
        case "max-mean":
            return most - middle
        case "max+mean":
            return most + middle
        case "max":
            return most
        case _:
            assert_never(rule)


def adjust(mean: Vector, std: Vector, channels: int, fill: Fill) -> tuple[Vector, Vector]:
    """Means and stds of so many channels from those of another number of them.

    Where there are fewer than wanted (expansion), those at hand stay in their places and the
    missing ones are filled; where there are more (contraction), no channel has a place that it
    could keep, and all are filled: the paper leaves open whether only surplus entries are meant.
    ``fill`` "paper" fills with the mean, but standard deviations at a contraction with mean + min;
    a rule by name fills both statistics in both cases.

    Source: GZSQ (Sharma, Abraham and Rajendiran 2023), "empirical statistics adjustment".

    Args:
        mean: ``[C]``.
        std: ``[C]``.
        channels: how many are wanted.
        fill: the rule.
    """
    if channels == mean.size:
        return mean, std
    expands = channels > mean.size
    if fill == "paper":
        rules: tuple[FillRule, FillRule] = ("mean", "mean" if expands else "mean+min")
    else:
        rules = (fill, fill)
    kept = mean.size if expands else 0
    missing = np.ones(channels - kept)
    filled_mean, filled_std = (
        np.concatenate([available[:kept], filler(available, rule) * missing])
        for available, rule in zip((mean, std), rules, strict=True)
    )
    return filled_mean, filled_std
