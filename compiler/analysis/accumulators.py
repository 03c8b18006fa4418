# SPDX-License-Identifier: Apache-2.0
"""Which values an accumulator can reach: exact bounds from the weights, over all inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Constant, Definition, Node
from intaglio.numerics.intervals import Interval

AccumulateOp = fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul | fixed.ReduceSum
IntegerArray = npt.NDArray[np.int64] | npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class ChannelRange:
    """Bounds of one output channel.

    Attributes:
        total: every final sum, bias included; both ends are reached by some input as long as the
            operand's interval is (a window that lies half in the padding reaches less).
        partial: every sum of a subset of the terms, with or without the bias: what the accumulator
            can hold at any moment, whatever the order.
    """

    total: Interval
    partial: Interval


def exact_range(definitions: Mapping[str, Definition], name: str) -> Interval:
    """The hull of all channels' final sums of an accumulating node."""
    node = definitions[name]
    if not isinstance(node, Node) or not isinstance(node.op, AccumulateOp):
        raise TypeError(f"{name} is no accumulator")
    operands = {operand: definitions[operand].type.integer.interval for operand in node.operands}
    ranges = channel_ranges(definitions, node, node.op, operands)
    hull = ranges[0].total
    for other in ranges:
        hull |= other.total
    return hull


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
        intervals: what each operand can hold; constants are read instead.
    """
    x = intervals[node.operands[0]]
    match op:
        case fixed.ReduceSum():
            return (_reduced(definitions, node, op, x),)
        case fixed.Conv2d():
            padded = x | Interval(op.pad_value, op.pad_value) if any(op.pads) else x
            zero = Interval(op.input_zero_point, op.input_zero_point)
            return _contracted(definitions, node, padded - zero, op.weight_zero_points, 0)
        case fixed.ConvTranspose2d():
            # Which taps meet at a position depends on strides: any subset is a safe superset.
            zero = Interval(op.input_zero_point, op.input_zero_point)
            centred = (x - zero) | Interval(0, 0)
            return _contracted(definitions, node, centred, op.weight_zero_points, 0)
        case fixed.MatMul():
            zero = Interval(op.left_zero_point, op.left_zero_point)
            if isinstance(definitions[node.operands[1]], Constant):
                return _contracted(definitions, node, x - zero, op.right_zero_points, -1)
            return (_product_of_variables(definitions, node, op, x - zero, intervals),)
        case _:
            assert_never(op)


def _reduced(
    definitions: Mapping[str, Definition], node: Node, op: fixed.ReduceSum, x: Interval
) -> ChannelRange:
    shape = definitions[node.operands[0]].type.shape
    count = int(np.prod([shape[axis] for axis in op.axes], dtype=np.int64))
    centred = x - Interval(op.input_zero_point, op.input_zero_point)
    total = centred.scale_by(count)
    return ChannelRange(total, total | Interval(0, 0) | centred)


def _product_of_variables(
    definitions: Mapping[str, Definition],
    node: Node,
    op: fixed.MatMul,
    left: Interval,
    intervals: Mapping[str, Interval],
) -> ChannelRange:
    zeros = op.right_zero_points
    right = intervals[node.operands[1]] - Interval(min(zeros), max(zeros))
    depth = definitions[node.operands[0]].type.shape[-1]
    products = (left * right).scale_by(depth)
    bias = Interval(0, 0)
    if len(node.operands) > 2:
        bias = _hull(definitions, node.operands[2], intervals)
    return ChannelRange(products + bias, (products | Interval(0, 0)) + (bias | Interval(0, 0)))


def _hull(
    definitions: Mapping[str, Definition], name: str, intervals: Mapping[str, Interval]
) -> Interval:
    definition = definitions[name]
    if isinstance(definition, Constant):
        return Interval(int(definition.array.min()), int(definition.array.max()))
    return intervals[name]


def _contracted(
    definitions: Mapping[str, Definition],
    node: Node,
    x: Interval,
    zero_points: tuple[int, ...],
    channel_axis: int,
) -> tuple[ChannelRange, ...]:
    """Bounds from constant weights whose output channels lie along ``channel_axis``."""
    weights = definitions[node.operands[1]]
    if not isinstance(weights, Constant):
        raise TypeError(f"the weights of {node.name} are computed at run time")
    rows = _exact_rows(weights, channel_axis, zero_points)
    zero = np.array(zero_points, dtype=rows.dtype).reshape(-1, 1)
    centred = rows - zero
    positive = np.where(centred > 0, centred, 0).sum(axis=1)
    negative = np.where(centred < 0, centred, 0).sum(axis=1)
    biases = [0] * len(rows)
    if len(node.operands) > 2:
        bias = definitions[node.operands[2]]
        if not isinstance(bias, Constant):
            raise TypeError(f"the bias of {node.name} is computed at run time")
        biases = [int(value) for value in bias.array.reshape(-1)]
    return tuple(
        _channel_range(x, int(up), int(down), offset)
        for up, down, offset in zip(positive, negative, biases, strict=True)
    )


def _exact_rows(weights: Constant, channel_axis: int, zero_points: tuple[int, ...]) -> IntegerArray:
    """The weights, a row an output channel, in int64 where no sum can overflow it."""
    moved = np.moveaxis(weights.array, channel_axis, 0)
    rows = moved.reshape(moved.shape[0], -1)
    magnitude = weights.type.integer.interval.magnitude + max(abs(z) for z in zero_points)
    if magnitude * max(rows.shape[1], 1) < 1 << 62:
        return rows.astype(np.int64)
    return rows.astype(np.object_)


def _channel_range(x: Interval, positive: int, negative: int, bias: int) -> ChannelRange:
    """Σ of positive weights is ``positive``, of negative ones ``negative`` (<= 0)."""
    products = x.scale_by(positive) + x.scale_by(negative)
    zero = Interval(0, 0)
    subsets = (x | zero).scale_by(positive) + (x | zero).scale_by(negative)
    return ChannelRange(products + Interval(bias, bias), subsets + (zero | Interval(bias, bias)))
