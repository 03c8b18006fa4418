# SPDX-License-Identifier: Apache-2.0
"""Which integers each value of a fixed graph can hold: one forward walk over exact intervals."""

from collections.abc import Mapping
from itertools import product
from typing import assert_never, cast

from intaglio.compiler.analysis.accumulators import channel_ranges, held
from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Constant, Graph, Level, Node
from intaglio.compiler.ir.infer.exact_results import pair_output
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidGraph
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.float_steps import INFINITY
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import DequantizedPair, PairArithmetic, PairFunction, RescaledSum
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling


def value_ranges(graph: Graph) -> Mapping[str, Interval]:
    """By name of each integer value, an interval that holds its elements whatever the inputs.

    Inputs are taken to reach every code of their type; float32 values are absent.

    Raises:
        InvalidGraph: the graph is at the scaled level, which states no arithmetic.
    """
    if graph.level is not Level.FIXED:
        found = f"graph {graph.name}: found the scaled level, expected fixed ops; lower it first."
        raise InvalidGraph(graph.name, [found])
    ranges = {
        value.name: value.type.element.interval
        for value in graph.inputs
        if isinstance(value.type.element, IntType)
    }
    for constant in graph.constants:
        if isinstance(constant.type.element, IntType):
            ranges[constant.name] = _elements(constant)
    for node in graph.nodes:
        if isinstance(node.type.element, IntType):
            ranges[node.name] = _node_range(graph, node, cast("fixed.Op", node.op), ranges)
    return ranges


def requantized(requantizer: Requantizer, x: Interval) -> Interval:
    """What a requantizer makes of an interval: exact where it is monotone, else its clamp."""
    if not _monotone(requantizer.scaling, x):
        return requantizer.output
    return Interval.hull_of(requantizer.apply(end) for end in (x.low, x.high))


def _requantized_channels(requantizers: tuple[Requantizer, ...], x: Interval) -> Interval:
    """The hull of all channels; one that can't widen it isn't asked, for most reach their clamp."""
    hull = requantized(requantizers[0], x)
    for each in requantizers[1:]:
        if not hull.contains(each.output):
            hull |= requantized(each, x)
    return hull


def _node_range(graph: Graph, node: Node, op: fixed.Op, ranges: Mapping[str, Interval]) -> Interval:
    """The interval of a node with an integer result."""
    operands = tuple(ranges[name] for name in node.operands if name in ranges)
    match op:
        case fixed.Conv2d() | fixed.ConvTranspose2d() | fixed.MatMul() | fixed.ReduceSum():
            channels = channel_ranges(graph.definitions, node, op, ranges)
            return Interval.hull_of(held(op.accumulator, each) for each in channels)
        case fixed.Requantize(requantizers=requantizers):
            return _requantized_channels(requantizers, operands[0])
        case fixed.Lookup():
            return _looked_up(graph, node, operands[0])
        case fixed.Pairwise(arithmetic=arithmetic):
            return _pair(arithmetic, operands[0], operands[1])
        case fixed.Add():
            return operands[0] + operands[1]
        case fixed.Subtract():
            return operands[0] - operands[1]
        case fixed.Multiply(left_zero_point=zero, right_zero_point=other):
            return (operands[0] - Interval(zero, zero)) * (operands[1] - Interval(other, other))
        case fixed.Minimum():
            left, right = operands
            return Interval(min(left.low, right.low), min(left.high, right.high))
        case fixed.Maximum():
            left, right = operands
            return Interval(max(left.low, right.low), max(left.high, right.high))
        case fixed.Clamp(low=low, high=high):
            return clamped(operands[0], low, high)
        case fixed.Cast(overflow=overflow):
            return _cast(overflow, node.type.integer, operands[0])
        case fixed.AveragePool2d():
            return _averaged(op, operands[0])
        case fixed.ResizeLinear(row_denominator=rows, column_denominator=columns):
            return operands[0].scale_by(rows * columns)
        case fixed.Softmax(algorithm=algorithm):
            return Interval(algorithm.low, algorithm.high)
        case fixed.Float32Order():
            return Interval(-INFINITY, INFINITY)
        case fixed.Quantize():
            return node.type.integer.interval
        case fixed.Dequantize() | fixed.Float32Binary() | fixed.Float32Softmax():
            raise TypeError(f"{node.name} is float32")
        case (
            fixed.MaxPool2d()
            | moves.Transpose()
            | moves.Reshape()
            | moves.Slice()
            | moves.Concat()
            | moves.ResizeNearest()
        ):
            return Interval.hull_of(operands)
        case moves.Pad(mode=mode, value=value):
            constant = mode is moves.PadMode.CONSTANT and any((*op.before, *op.after))
            return operands[0] | Interval(value, value) if constant else operands[0]
        case _:
            assert_never(op)


def clamped(x: Interval, low: tuple[int, ...], high: tuple[int, ...]) -> Interval:
    """What a clamp makes of an interval, over all its channels."""
    bounds = channel_bounds(low, high)
    return Interval.hull_of(
        min(max(end, first), last) for first, last in bounds for end in (x.low, x.high)
    )


def channel_bounds(low: tuple[int, ...], high: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs of bounds, one for the whole tensor or one for each channel."""
    count = max(len(low), len(high))
    lows, highs = low * (count // len(low)), high * (count // len(high))
    return tuple(zip(lows, highs, strict=True))


def _elements(constant: Constant) -> Interval:
    return Interval(int(constant.array.min()), int(constant.array.max()))


def _monotone(scaling: Scaling, x: Interval) -> bool:
    domain = scaling.monotone_domain
    return domain is None or domain.contains(x)


def _looked_up(graph: Graph, node: Node, x: Interval) -> Interval:
    """Of the entries that a reachable code selects."""
    type: TensorType = graph.type_of(node.operands[0])
    table = graph.constant(node.operands[1])
    if table is None:
        return node.type.integer.interval
    first = type.integer.minimum
    entries = table.array[..., x.low - first : x.high - first + 1]
    return Interval(int(entries.min()), int(entries.max()))


_PARABOLA = PairFunction.SQUARED_DIFFERENCE
"""Falls and rises again in each operand."""


def _pair(arithmetic: PairArithmetic, left: Interval, right: Interval) -> Interval:
    """A function that is monotone in each operand by itself has its extremes at the corners."""
    if isinstance(arithmetic, RescaledSum) and not _monotone_sum(arithmetic, left, right):
        return pair_output(arithmetic)
    if isinstance(arithmetic, DequantizedPair) and arithmetic.function is _PARABOLA:
        return pair_output(arithmetic)
    corners = product((left.low, left.high), (right.low, right.high))
    return Interval.hull_of(arithmetic.apply(first, second) for first, second in corners)


def _monotone_sum(sum: RescaledSum, left: Interval, right: Interval) -> bool:
    factor = 1 << sum.left_shift
    first = (left - Interval(sum.left_zero_point, sum.left_zero_point)).scale_by(factor)
    second = (right - Interval(sum.right_zero_point, sum.right_zero_point)).scale_by(factor)
    if not (_monotone(sum.left, first) and _monotone(sum.right, second)):
        return False
    scaled = _scaled(sum.left, first)
    other = _scaled(sum.right, second)
    return _monotone(sum.output.scaling, scaled - other if sum.subtract else scaled + other)


def _scaled(scaling: Scaling, x: Interval) -> Interval:
    return Interval.hull_of(scaling.apply(end) for end in (x.low, x.high))


def _cast(overflow: Overflow, word: IntType, x: Interval) -> Interval:
    if word.interval.contains(x):
        return x
    match overflow:
        case Overflow.WRAP:
            return word.interval
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            return Interval(word.saturate(x.low), word.saturate(x.high))
        case _:
            assert_never(overflow)


def _averaged(op: fixed.AveragePool2d, x: Interval) -> Interval:
    match op.arithmetic:
        case fixed.RequantizedSum(input_zero_point=zero_point, by_count=by_count):
            term = x - Interval(zero_point, zero_point)
            # Where padding counts, a divisor of n may stand over fewer than n terms, but over one.
            least = term if op.count_padding else None
            sums = (term.scale_by(count) for count in range(1, len(by_count) + 1))
            return Interval.hull_of(
                requantized(each, sum | least if least else sum)
                for each, sum in zip(by_count, sums, strict=True)
            )
        case fixed.Float32Average(low=low, high=high):
            return Interval(low, high)
        case _:
            assert_never(op.arithmetic)
