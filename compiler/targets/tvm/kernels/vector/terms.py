# SPDX-License-Identifier: Apache-2.0
"""What a sum adds up term by term: the conditions for lanes of 32 bits, and who needs it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.analysis.settled_accumulators import settled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.kernels.vector.contraction import INT32
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Terms:
    """A sum in which terms have an order, or aren't the products.

    Attributes:
        weights: ``[O, K]`` without zero points, in the order of the terms, in their narrowest type.
        bias: by output channel.
        x: what is multiplied with them, padded elements too.
        accumulator: what is left of the rules after a proof for all channels.
        bounds: of all channels.
        unproved: the channels whose sum is not the exact one, held once.
    """

    weights: Array
    bias: tuple[int, ...]
    x: Interval
    accumulator: Accumulator
    bounds: ChannelRange
    unproved: tuple[int, ...]


def terms(
    scope: Scope, op: AccumulateOp, weights: Array, zero_points: Sequence[int], x: Interval
) -> Terms | None:
    """The sum of a node in this form; None where its terms are plain or 32 bits don't hold it.

    Args:
        scope: the node.
        op: its op.
        weights: constant, output channels first.
        zero_points: of the weights: one, or one for each output channel.
        x: what the operand holds without its zero point, padded elements too.
    """
    outputs = weights.shape[0]
    biases = scope.constant(2)
    if weights.dtype.itemsize > 4 or (biases is None and len(scope.node.operands) > 2):
        return None
    if max(map(abs, zero_points)) > 1 << 31:
        return None
    ranges = channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    bounds = reduce(ChannelRange.__or__, ranges)
    accumulator = settled(op.accumulator, bounds)
    if _exact(accumulator):
        return None
    zeros = np.array(zero_points, dtype=np.int64).reshape(-1, 1)
    centred = weights.astype(np.int64).reshape(outputs, -1) - zeros
    reached = Interval(int(centred.min()), int(centred.max()))
    if not all(map(INT32.interval.contains, (x, reached, x * reached))):
        return None
    if not _held_in_32_bits(accumulator, bounds):
        return None
    each = ranges if len(ranges) == outputs else ranges * outputs
    unproved = [c for c, channel in enumerate(each) if not _exact(settled(op.accumulator, channel))]
    bits = max(8, 1 << (reached.signed_bits - 1).bit_length())
    return Terms(
        centred.astype(IntType(bits, signed=True).dtype),
        (0,) * outputs if biases is None else tuple(map(int, biases)),
        x,
        accumulator,
        bounds,
        tuple(unproved),
    )


def without_order(accumulator: Accumulator) -> Accumulator:
    """What the channels keep for which an accumulator is the exact sum, held once."""
    ordered = accumulator.overflow.ordered
    overflow = Overflow.WRAP if ordered else accumulator.overflow
    return replace(accumulator, overflow=overflow, truncation=None, partial_sums=None)


def _exact(accumulator: Accumulator) -> bool:
    """Whether the sum is the exact one, held once."""
    return accumulator.plain and not accumulator.overflow.ordered


def _held_in_32_bits(accumulator: Accumulator, bounds: ChannelRange) -> bool:
    """Whether every register holds 32 bits at most."""
    word, partial = INT32.interval, accumulator.partial_sums
    reached = bounds.partial + bounds.tile if partial is None else bounds.partial
    whole = accumulator.type.interval if accumulator.overflow.ordered else reached
    if not word.contains(whole):
        return False
    if partial is None:
        return True
    tile = partial.type.interval if partial.overflow.ordered else bounds.tile
    # What a register holds, wrapped or clamped, must be one of the terms of the next.
    return word.contains(tile) and word.contains(partial.type.interval | Interval(0, 0))
