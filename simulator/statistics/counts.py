# SPDX-License-Identifier: Apache-2.0
"""What was counted while a graph ran: exact integers that add up over batches and processes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from typing import assert_never

from intaglio.compiler.ir.graph import Array
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.intervals import Interval

Counts = tuple[int, ...]
"""By output channel: the last axis of the value; one entry where it has no axis."""


@dataclass(frozen=True, slots=True)
class AccumulatorStatistics:
    """One sum of products, over all the results that were seen.

    The exact sum is that of all terms, truncated where the accumulator says so, and the bias, as if
    nothing had ever overflowed.

    Attributes:
        name: the value that the sum defines.
        source: the node of the user's model.
        declared_bits: the width that headroom is measured against, in bits of two's complement.
        overflow: what the accumulator does with a sum that it can't hold.
        results: how many sums there were.
        overflows: results whose sum left the accumulator's type: the whole one under WRAP and
            SATURATE, any single addition's under SATURATE_EACH_ADD.
        additions: single additions that left the type (0 where the whole sum alone counts).
        registers: sums of tiles, or single additions to them, that left the type of the registers
            for partial sums.
        bits: entry b counts the exact sums that need b bits of two's complement, no fewer.
        lowest: the least exact sum of each channel; None before there is one.
        highest: the greatest exact sum of each channel.
    """

    name: str
    source: str
    declared_bits: int
    overflow: Overflow
    results: int
    overflows: Counts
    additions: Counts
    registers: Counts
    bits: tuple[int, ...]
    lowest: Counts | None
    highest: Counts | None

    @property
    def headroom(self) -> dict[int, int]:
        """How many exact sums left how many bits of the declared width free; negative: too few."""
        return {
            self.declared_bits - bits: count
            for bits, count in reversed(tuple(enumerate(self.bits)))
            if count
        }

    @property
    def least_headroom(self) -> int | None:
        """The bits left free by the widest exact sum; None where there was none."""
        return min(self.headroom, default=None)

    @property
    def channel_headroom(self) -> tuple[int, ...]:
        """By channel, as ``least_headroom``."""
        if self.lowest is None or self.highest is None:
            return ()
        ends = zip(self.lowest, self.highest, strict=True)
        return tuple(self.declared_bits - Interval(*pair).signed_bits for pair in ends)

    def __add__(self, other: "AccumulatorStatistics") -> "AccumulatorStatistics":
        """Both together, of the same sum."""
        return replace(
            self,
            results=self.results + other.results,
            overflows=_added(self.overflows, other.overflows),
            additions=_added(self.additions, other.additions),
            registers=_added(self.registers, other.registers),
            bits=_added(self.bits, other.bits),
            lowest=_ends(self.lowest, other.lowest, min),
            highest=_ends(self.highest, other.highest, max),
        )


@dataclass(frozen=True, slots=True)
class CodeStatistics:
    """One value of codes: what its clamp cut off, or its conversion changed.

    Attributes:
        name: the value.
        source: the node of the user's model.
        results: how many codes there were.
        low: codes whose value lay below the clamp's lower end.
        high: codes whose value lay above its upper end.
        wrapped: results that a wrapping conversion changed.
        stages: values that a register inside the requantizer wrapped or clamped.
    """

    name: str
    source: str
    results: int
    low: Counts
    high: Counts
    wrapped: Counts
    stages: Counts

    def __add__(self, other: "CodeStatistics") -> "CodeStatistics":
        """Both together, of the same value."""
        return replace(
            self,
            results=self.results + other.results,
            low=_added(self.low, other.low),
            high=_added(self.high, other.high),
            wrapped=_added(self.wrapped, other.wrapped),
            stages=_added(self.stages, other.stages),
        )


@dataclass(frozen=True, slots=True)
class OverflowCounts:
    """Sums over all layers and channels.

    Attributes:
        results: sums of products that were computed.
        wraps: those that left a wrapping accumulator.
        saturations: those that a saturating accumulator clamped, at the end or on the way.
        additions: single additions that were clamped.
        registers: partial sums that their registers couldn't hold.
        codes: results of requantizers and other clamps.
        clamped_low: those cut off at the lower end.
        clamped_high: those cut off at the upper end.
        wrapped_codes: results that a wrapping conversion changed.
        stages: values that registers inside requantizers wrapped or clamped.
    """

    results: int = 0
    wraps: int = 0
    saturations: int = 0
    additions: int = 0
    registers: int = 0
    codes: int = 0
    clamped_low: int = 0
    clamped_high: int = 0
    wrapped_codes: int = 0
    stages: int = 0

    @property
    def accumulator_overflows(self) -> int:
        """Sums of products that their accumulator couldn't hold."""
        return self.wraps + self.saturations

    def __add__(self, other: "OverflowCounts") -> "OverflowCounts":
        """Both together."""
        sums = (getattr(self, at.name) + getattr(other, at.name) for at in fields(self))
        return OverflowCounts(*sums)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a graph's sums and clamps did, in the graph's order.

    Attributes:
        runs: how many runs of the graph were seen.
        accumulators: its sums of products.
        codes: its requantizers, clamps and conversions.
    """

    runs: int
    accumulators: tuple[AccumulatorStatistics, ...]
    codes: tuple[CodeStatistics, ...]

    def __add__(self, other: "Statistics") -> "Statistics":
        """Both together, of the same graph."""
        return Statistics(
            self.runs + other.runs,
            tuple(a + b for a, b in zip(self.accumulators, other.accumulators, strict=True)),
            tuple(a + b for a, b in zip(self.codes, other.codes, strict=True)),
        )

    @property
    def total(self) -> OverflowCounts:
        """Sums over all layers and channels."""
        counts = OverflowCounts()
        for sums in self.accumulators:
            counts += _of_accumulator(sums)
        for codes in self.codes:
            counts += OverflowCounts(
                codes=codes.results,
                clamped_low=sum(codes.low),
                clamped_high=sum(codes.high),
                wrapped_codes=sum(codes.wrapped),
                stages=sum(codes.stages),
            )
        return counts


@dataclass(frozen=True, slots=True)
class Observation:
    """One run: the outputs by the graph's names, and what was counted."""

    outputs: dict[str, Array]
    statistics: Statistics


def _of_accumulator(each: AccumulatorStatistics) -> OverflowCounts:
    counts = OverflowCounts(
        results=each.results, additions=sum(each.additions), registers=sum(each.registers)
    )
    overflows = sum(each.overflows)
    match each.overflow:
        case Overflow.WRAP:
            return replace(counts, wraps=overflows)
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD:
            return replace(counts, saturations=overflows)
        case Overflow.TRAP:
            # The run would have ended.
            return counts
        case _:
            assert_never(each.overflow)


def _added(first: Iterable[int], second: Iterable[int]) -> Counts:
    return tuple(a + b for a, b in zip_longest(first, second, fillvalue=0))


def _ends(
    first: Counts | None, second: Counts | None, end: Callable[[int, int], int]
) -> Counts | None:
    if first is None or second is None:
        return first if second is None else second
    return tuple(end(a, b) for a, b in zip(first, second, strict=True))
