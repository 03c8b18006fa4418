# SPDX-License-Identifier: Apache-2.0
"""Which values an accumulator can reach: exact bounds from the weights, over all inputs.

For constant weights w and operands x in [low, high], ``Σ x w`` lies between
``low Σ⁺w + high Σ⁻w`` and ``high Σ⁺w + low Σ⁻w``, with Σ⁺ over the positive weights and Σ⁻ over the
negative ones; both ends are reached.  All sums are exact, of whatever width.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import assert_never

import numpy as np

from intaglio.compiler.analysis.term_ranges import sum_range
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Constant, Definition, Graph, Node
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.intervals import Interval

AccumulateOp = fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul | fixed.ReduceSum

_ZERO = Interval(0, 0)


@dataclass(frozen=True, slots=True)
class ChannelRange:
    """Bounds of one output channel.

    Attributes:
        total: every final sum, bias included; both ends are reached by some input as long as the
            operand's interval is (a window that lies half in the padding reaches less).
        partial: every sum of a subset of the terms, with or without the bias: what the accumulator
            can hold at any moment, whatever the order.
        tile: every sum of a subset of the terms of one partial sum; [0, 0] without partial sums.
    """

    total: Interval
    partial: Interval
    tile: Interval = _ZERO

    def __or__(self, other: "ChannelRange") -> "ChannelRange":
        """The bounds of both channels."""
        return ChannelRange(
            self.total | other.total, self.partial | other.partial, self.tile | other.tile
        )


@dataclass(frozen=True, slots=True)
class WeightSums:
    """The sum of one channel's positive weights, and of its negative ones (at most 0)."""

    positive: int
    negative: int


def accumulating_nodes(graph: Graph) -> Iterator[tuple[Node, AccumulateOp]]:
    """The nodes of a fixed graph that sum in an accumulator, with their ops, in order."""
    for node in graph.nodes:
        if isinstance(node.op, AccumulateOp):
            yield node, node.op


def exact_range(definitions: Mapping[str, Definition], name: str) -> Interval:
    """The hull of all channels' final sums of an accumulating node, over all codes of its operands.

    Raises:
        TypeError: the value isn't defined by a sum.
    """
    node = definitions[name]
    if not isinstance(node, Node) or not isinstance(node.op, AccumulateOp):
        raise TypeError(f"{name} is no accumulator")
    operands = {operand: definitions[operand].type.integer.interval for operand in node.operands}
    ranges = channel_ranges(definitions, node, node.op, operands)
    return reduce(ChannelRange.__or__, ranges).total


def channel_ranges(
    definitions: Mapping[str, Definition],
    node: Node,
    op: AccumulateOp,
    intervals: Mapping[str, Interval],
) -> tuple[ChannelRange, ...]:
    """The bounds of every output channel (one entry where all channels share it).

    Args:
        definitions: the graph's values.
        node: the accumulating node.
        op: its op.
        intervals: what each operand can hold; of constant weights and biases the elements count.
    """
    x = intervals[node.operands[0]]
    accumulator = op.accumulator
    match op:
        case fixed.ReduceSum():
            shape = definitions[node.operands[0]].type.shape
            term = x - _point(op.input_zero_point)
            count = prod(shape[axis] for axis in op.axes)
            return (_range(term, count, _ZERO, accumulator),)
        case fixed.Conv2d():
            padded = x | _point(op.pad_value) if any(op.pads) else x
            term, zero_points, axis = padded - _point(op.input_zero_point), op.weight_zero_points, 0
        case fixed.ConvTranspose2d():
            # Which taps meet at a position depends on the strides: a tap that doesn't adds nothing.
            term, zero_points, axis = (
                (x - _point(op.input_zero_point)) | _ZERO,
                op.weight_zero_points,
                0,
            )
        case fixed.MatMul():
            term, zero_points, axis = x - _point(op.left_zero_point), op.right_zero_points, -1
        case _:
            assert_never(op)
    weights = definitions[node.operands[1]]
    biases = _biases(definitions, node, intervals)
    if not isinstance(weights, Constant):
        shape = weights.type.shape
        depth = shape[-2] if axis == -1 else prod(shape[1:])
        centred = intervals[weights.name] - Interval(min(zero_points), max(zero_points))
        return tuple(_range(term * centred, depth, bias, accumulator) for bias in biases)
    if not accumulator.plain:
        rows = centred_weights(weights, axis, zero_points)
        biases = biases * (len(rows) if len(biases) == 1 else 1)
        return tuple(
            reduce(ChannelRange.__or__, (_by_term(term, row, bias, accumulator) for row in matrix))
            for matrix, bias in zip(rows, biases, strict=True)
        )
    channels = weight_sums(weights, axis, zero_points)
    biases = biases * (len(channels) if len(biases) == 1 else 1)
    return tuple(
        reduce(ChannelRange.__or__, (_weighted(term, each, bias) for each in sums))
        for sums, bias in zip(channels, biases, strict=True)
    )


def held(accumulator: Accumulator, channel: ChannelRange) -> Interval:
    """What the accumulator of one channel can hold at the end, its overflow rule applied."""
    word = accumulator.type
    match accumulator.overflow:
        case Overflow.WRAP:
            return channel.total if word.interval.contains(channel.total) else word.interval
        case Overflow.SATURATE:
            total = channel.total
            return Interval(word.saturate(total.low), word.saturate(total.high))
        case Overflow.SATURATE_EACH_ADD:
            return channel.total if word.interval.contains(channel.partial) else word.interval
        case Overflow.TRAP:
            # Where it doesn't trap, it holds the exact sum.
            low, high = word.saturate(channel.total.low), word.saturate(channel.total.high)
            return Interval(low, high)
        case _:
            assert_never(accumulator.overflow)


def never_overflows(accumulator: Accumulator, channel: ChannelRange) -> bool:
    """Whether no sum of a channel can leave its type, in whatever order terms are added."""
    partial = accumulator.partial_sums
    if partial is not None and not partial.type.interval.contains(channel.tile):
        return False
    return accumulator.type.interval.contains(channel.partial)


def weight_sums(
    weights: Constant, channel_axis: int, zero_points: tuple[int, ...]
) -> tuple[tuple[WeightSums, ...], ...]:
    """By output channel: the sums of w - zero point, one for each matrix of a batch of them.

    Args:
        weights: ``[O, kh, kw, C]`` with channels along axis 0, or ``[..., K, N]`` along axis -1.
        channel_axis: 0 or -1.
        zero_points: one, or one for each channel.
    """
    centred = centred_weights(weights, channel_axis, zero_points)
    positive = np.where(centred > 0, centred, 0).sum(axis=-1)
    negative = np.where(centred < 0, centred, 0).sum(axis=-1)
    return tuple(
        tuple(WeightSums(int(up), int(down)) for up, down in zip(ups, downs, strict=True))
        for ups, downs in zip(positive, negative, strict=True)
    )


def centred_weights(
    weights: Constant, channel_axis: int, zero_points: tuple[int, ...]
) -> IntegerArray:
    """``[O, matrices, K]``: weights without zero points, in words that hold sums along K."""
    array = weights.array
    if channel_axis == 0:
        rows = array.reshape(array.shape[0], 1, -1)
    else:
        depth, channels = array.shape[-2:]
        rows = np.moveaxis(array.reshape(-1, depth, channels), -1, 0)
    zeros = max(abs(zero_point) for zero_point in zero_points)
    magnitude = (weights.type.integer.interval.magnitude + zeros) * rows.shape[-1]
    exact: IntegerArray = rows.astype(np.int64 if magnitude < 1 << 63 else np.object_)
    centred: IntegerArray = exact - np.array(zero_points, dtype=exact.dtype).reshape(-1, 1, 1)
    return centred


def _biases(
    definitions: Mapping[str, Definition], node: Node, intervals: Mapping[str, Interval]
) -> tuple[Interval, ...]:
    """By channel; one entry where all channels share it."""
    if len(node.operands) < 3:
        return (_ZERO,)
    bias = definitions[node.operands[2]]
    if isinstance(bias, Constant):
        return tuple(_point(int(value)) for value in bias.array)
    return (intervals[bias.name],)


def _range(term: Interval, count: int, bias: Interval, accumulator: Accumulator) -> ChannelRange:
    """Of a bias and ``count`` products, each anywhere in an interval."""
    if not accumulator.plain:
        return _by_term(term, np.ones(count, np.int64), bias, accumulator)
    partial = (term | _ZERO).scale_by(count) + (bias | _ZERO)
    return ChannelRange(term.scale_by(count) + bias, partial)


def _by_term(
    x: Interval, weights: IntegerArray, bias: Interval, accumulator: Accumulator
) -> ChannelRange:
    found = sum_range(x, weights, bias, accumulator)
    return ChannelRange(found.total, found.partial, found.tile)


def _weighted(x: Interval, sums: WeightSums, bias: Interval) -> ChannelRange:
    """Of a bias and all products of an operand anywhere in an interval with a weight."""
    total = x.scale_by(sums.positive) + x.scale_by(sums.negative)
    optional = x | _ZERO
    partial = optional.scale_by(sums.positive) + optional.scale_by(sums.negative)
    return ChannelRange(total + bias, partial + (bias | _ZERO))


def _point(value: int) -> Interval:
    return Interval(value, value)
