# SPDX-License-Identifier: Apache-2.0
"""What is left of an accumulator's rules where a proof shows that they change nothing."""

from dataclasses import replace

from intaglio.compiler.analysis.accumulators import ChannelRange
from intaglio.numerics.accumulator import Accumulator, Overflow, Reduction


def settled(accumulator: Accumulator, bounds: ChannelRange) -> Accumulator:
    """The plainest accumulator that keeps the same sums.

    A register that holds every sum of a subset of its terms never overflows: it wraps, in any
    order, like one that saturates or traps.  Registers that never overflow, before an accumulator
    whose order is all one, are none.

    Args:
        accumulator: as the graph states it.
        bounds: of the sums, or the hull of those of all channels in question.
    """
    overflow, partial = accumulator.overflow, accumulator.partial_sums
    if accumulator.type.interval.contains(bounds.partial):
        overflow = Overflow.WRAP
    if partial is not None and partial.type.interval.contains(bounds.tile):
        exact = replace(partial, overflow=Overflow.WRAP, reduction=Reduction.CHAIN)
        partial = exact if overflow.ordered else None
    return replace(accumulator, overflow=overflow, partial_sums=partial)
