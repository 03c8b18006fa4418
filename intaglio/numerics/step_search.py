# SPDX-License-Identifier: Apache-2.0
"""The staircases of a monotone function of an integer and a channel, all searched at once."""

from collections.abc import Callable

import numpy as np

from intaglio.errors import InvalidOption
from intaglio.numerics.float_steps import Integers
from intaglio.numerics.intervals import Interval
from intaglio.numerics.staircase import Staircase

MOST_STEPS = 1 << 22
"""Over all channels: what a bisection holds in memory at a time."""

Function = Callable[[Integers, Integers], Integers]
"""Values at integers, given each one's channel."""


def staircases(function: Function, interval: Interval, channels: int) -> tuple[Staircase, ...]:
    """Every step of each channel's function, by bisection.

    Args:
        function: monotone in its first operand.
        interval: where to look.
        channels: how many there are.

    Raises:
        InvalidOption: there are more than ``MOST_STEPS`` steps.
    """
    every = np.arange(channels, dtype=np.int64)
    base = function(np.full(channels, interval.low, np.int64), every)
    climb = function(np.full(channels, interval.high, np.int64), every) - base
    counts = np.abs(climb)
    total = int(counts.sum())
    if total > MOST_STEPS:
        raise InvalidOption(
            "staircases", f"{total} steps", "are too many", f"have at most {MOST_STEPS}"
        )
    channel = np.repeat(every, counts)
    direction = np.where(climb < 0, -1, 1)[channel]
    first = np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.arange(total, dtype=np.int64) - first + 1
    below = np.full(total, interval.low, np.int64)
    reached = np.full(total, interval.high, np.int64)
    while total and int((reached - below).max()) > 1:
        middle = below + (reached - below) // 2
        high = (function(middle, channel) - base[channel]) * direction >= wanted
        reached, below = np.where(high, middle, reached), np.where(high, below, middle)
    rows = np.split(reached, np.cumsum(counts)[:-1])
    return tuple(
        Staircase(interval, int(base[at]), -1 if climb[at] < 0 else 1, tuple(row.tolist()))
        for at, row in enumerate(rows)
    )
