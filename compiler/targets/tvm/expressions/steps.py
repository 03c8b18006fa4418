# SPDX-License-Identifier: Apache-2.0
"""Staircases: how many of a list of ascending thresholds a number has reached."""

from collections.abc import Sequence

import numpy as np

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import INT64, Number, constant, word_of
from intaglio.numerics.intervals import Interval


def count_steps(at: Channels, steps: Sequence[Sequence[int]], x: Number) -> Number:
    """How many of ``steps[channel]`` are <= x, by bisection without branches."""
    most = max(len(values) for values in steps)
    if at.lanes > 1:
        raise ScalarOnly
    if most == 0:
        return at.constant(0)
    depth = most.bit_length()
    # Thresholds beyond the interval are all alike; so are the ones that fill the table up.
    never = x.interval.high + 1
    table = np.full((len(steps), (1 << depth) - 1), never, dtype=object)
    for channel, values in enumerate(steps):
        table[channel, : len(values)] = [min(max(value, x.interval.low), never) for value in values]
    bits = word_of(Interval(x.interval.low, never))
    row = at.channel * index(table.shape[1]) if len(steps) > 1 else index(0)
    first = at.function.bind(row)
    found = index(0)
    for step in (1 << place for place in reversed(range(depth))):
        threshold = _entry(at, table, bits, first + found + index(step - 1))
        reached = threshold <= x.word(bits)
        found = at.function.bind(found + tirx.Select(reached, index(step), index(0)))
    return Number(found, Interval(0, most), 32)


def _entry(
    at: Channels,
    table: "np.ndarray[tuple[int, int], np.dtype[np.object_]]",
    bits: int,
    place: Expression,
) -> Expression:
    """An element of a table of any word; the table is the same at every call."""
    if bits < 128:
        return load(at.function.table(table.astype(f"int{bits}")), place)
    low = np.vectorize(INT64.wrap, otypes=[np.int64])(table)
    high = np.vectorize(_high_word, otypes=[np.int64])(table)
    top = tirx.Cast("int128", load(at.function.table(high), place))
    below = tirx.Cast("int128", tirx.Cast("uint64", load(at.function.table(low), place)))
    return tirx.bitwise_or(tirx.shift_left(top, constant(64).word(128)), below)


def _high_word(value: int) -> int:
    return value >> 64
