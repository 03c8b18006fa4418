# SPDX-License-Identifier: Apache-2.0
"""Counters that whole arrays are added to while a graph runs."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.ir.graph import Node
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.statistics.counts import (
    AccumulatorStatistics,
    CodeStatistics,
    Counts,
    Statistics,
)
from intaglio.simulator.statistics.definition import channels_of
from intaglio.simulator.vectorized.words import Array

Tallied = NDArray[np.int64]

MOST_BITS = 64
_ROWS = 255
"""How many flags an 8-bit counter adds up."""


def channel_counts(flags: NDArray[np.bool_], channels: int) -> Tallied:
    """How many flags are set for each index of the last axis."""
    counts = np.zeros(channels, np.int64)
    if not np.count_nonzero(flags):
        return counts
    rows = flags.reshape(-1, channels).view(np.uint8)
    for first in range(0, len(rows), _ROWS):
        counts += rows[first : first + _ROWS].sum(axis=0, dtype=np.uint8)
    return counts


def bit_counts(values: Array, within: Interval) -> Tallied:
    """Entry b: how many values need b bits of two's complement, no fewer; b up to 64.

    Args:
        values: signed integers of up to 64 bits.
        within: where they lie.
    """
    counts = np.zeros(MOST_BITS + 1, np.int64)
    # x and ~x need the same bits: one more than the magnitude of whichever isn't negative.
    folded = values ^ (values >> (8 * values.dtype.itemsize - 1))
    lengths = _bit_lengths(folded, max(within.high, ~within.low))
    found = np.bincount(lengths.reshape(-1), minlength=MOST_BITS)
    counts[1:] = found
    return counts


def _bit_lengths(values: Array, largest: int) -> Array:
    """Of values that aren't negative, by the exponent of a float that holds them exactly."""
    if largest < 1 << 24:
        exponents: Array = values.astype(np.float32).view(np.int32) >> 23
        lengths: Array = np.maximum(exponents - 126, 0)
        return lengths
    if largest < 1 << 53:
        exponents = values.astype(np.float64).view(np.int64) >> 52
        lengths = np.maximum(exponents - 1022, 0)
        return lengths
    high, low = values >> 32, values & 0xFFFFFFFF
    return np.where(high > 0, _bit_lengths(high, 1 << 31) + 32, _bit_lengths(low, 1 << 32))


@dataclass
class SumTally:
    """What happens in the sums of one node, and what its statistics begin with."""

    name: str
    source: str
    declared_bits: int
    overflow: Overflow
    channels: int
    results: int = 0
    overflows: Tallied = field(init=False)
    additions: Tallied = field(init=False)
    registers: Tallied = field(init=False)
    bits: Tallied = field(init=False)
    lowest: Tallied | None = None
    highest: Tallied | None = None

    def __post_init__(self) -> None:
        """Start every counter at zero."""
        self.overflows = np.zeros(self.channels, np.int64)
        self.additions = np.zeros(self.channels, np.int64)
        self.registers = np.zeros(self.channels, np.int64)
        self.bits = np.zeros(MOST_BITS + 1, np.int64)

    def add_exact(self, sums: Array, within: Interval) -> None:
        """Count exact sums, all of which lie in an interval."""
        if not sums.size:
            return
        self.results += sums.size
        self.bits += bit_counts(sums, within)
        rows = sums.reshape(-1, self.channels)
        low, high = rows.min(axis=0).astype(np.int64), rows.max(axis=0).astype(np.int64)
        self.lowest = low if self.lowest is None else np.minimum(self.lowest, low)
        self.highest = high if self.highest is None else np.maximum(self.highest, high)

    def add_overflows(self, flags: NDArray[np.bool_]) -> None:
        """Count results that overflowed."""
        self.overflows += channel_counts(flags, self.channels)

    def statistics(self) -> AccumulatorStatistics:
        """What was counted."""
        bits = _counts(self.bits)
        return AccumulatorStatistics(
            name=self.name,
            source=self.source,
            declared_bits=self.declared_bits,
            overflow=self.overflow,
            results=self.results,
            overflows=_counts(self.overflows),
            additions=_counts(self.additions),
            registers=_counts(self.registers),
            bits=bits[: max((at + 1 for at, count in enumerate(bits) if count), default=0)],
            lowest=None if self.lowest is None else _counts(self.lowest),
            highest=None if self.highest is None else _counts(self.highest),
        )


@dataclass
class CodeTally:
    """What the clamp of one node does, and what its statistics begin with."""

    name: str
    source: str
    channels: int
    results: int = 0
    low: Tallied = field(init=False)
    high: Tallied = field(init=False)
    wrapped: Tallied = field(init=False)
    stages: Tallied = field(init=False)

    def __post_init__(self) -> None:
        """Start every counter at zero."""
        self.low = np.zeros(self.channels, np.int64)
        self.high = np.zeros(self.channels, np.int64)
        self.wrapped = np.zeros(self.channels, np.int64)
        self.stages = np.zeros(self.channels, np.int64)

    def add_clamped(self, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> None:
        """Count what a clamp cut off at either end."""
        self.results += below.size
        self.low += channel_counts(below, self.channels)
        self.high += channel_counts(above, self.channels)

    def add_wrapped(self, changed: NDArray[np.bool_]) -> None:
        """Count what a wrapping conversion changed."""
        self.results += changed.size
        self.wrapped += channel_counts(changed, self.channels)

    def statistics(self) -> CodeStatistics:
        """What was counted."""
        counts = (_counts(each) for each in (self.low, self.high, self.wrapped, self.stages))
        return CodeStatistics(self.name, self.source, self.results, *counts)


class Tallies:
    """The counters of one run by the names of values, and what was counted without any."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._sums: dict[str, SumTally] = {}
        self._codes: dict[str, CodeTally] = {}
        self._found: dict[str, AccumulatorStatistics | CodeStatistics] = {}

    def sums(self, node: Node, overflow: Overflow, declared_bits: int) -> SumTally:
        """The counters of a sum, at zero at first."""
        if node.name not in self._sums:
            self._sums[node.name] = SumTally(
                node.name, node.source, declared_bits, overflow, channels_of(node)
            )
        return self._sums[node.name]

    def codes(self, node: Node) -> CodeTally:
        """The counters of a value of codes, at zero at first."""
        if node.name not in self._codes:
            self._codes[node.name] = CodeTally(node.name, node.source, channels_of(node))
        return self._codes[node.name]

    def put(self, found: AccumulatorStatistics | CodeStatistics) -> None:
        """Take what the definition counted."""
        self._found[found.name] = found

    def statistics(self, names: Iterable[str]) -> Statistics:
        """Of one run; ``names`` in the graph's order."""
        tallies = self._sums | self._codes
        counted = {name: tally.statistics() for name, tally in tallies.items()} | self._found
        records = [counted[name] for name in names]
        return Statistics(
            1,
            tuple(each for each in records if isinstance(each, AccumulatorStatistics)),
            tuple(each for each in records if isinstance(each, CodeStatistics)),
        )


def _counts(tallied: Tallied) -> Counts:
    counts: list[int] = tallied.tolist()
    return tuple(counts)
