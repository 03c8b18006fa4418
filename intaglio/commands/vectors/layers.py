# SPDX-License-Identifier: Apache-2.0
"""Layers whose sums can be solved for: constant weights, one window of operands for each sum."""

from dataclasses import dataclass, replace
from math import prod
from typing import assert_never

import numpy as np

from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer

Contraction = fixed.Conv2d | fixed.MatMul
Follower = fixed.Requantize | fixed.Clamp | fixed.Cast | fixed.Lookup


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or matrix product, and the elementwise ops that it alone feeds.

    Attributes:
        node: the node that sums.
        op: its op.
        followers: the chain of elementwise nodes behind it.
        operand: the type of the operand.
        codes: the codes that the operand can hold.
        weights: ``[O, kh, kw, C / groups]`` or ``[K, N]``.
        bias: None where there is none.
        tables: of the followers that look up, by node name.
    """

    node: Node
    op: Contraction
    followers: tuple[Node, ...]
    operand: TensorType
    codes: Interval
    weights: Constant
    bias: Constant | None
    tables: tuple[tuple[str, Constant], ...]

    @property
    def channels(self) -> int:
        """How many sums a window gives."""
        return self.node.type.shape[-1]

    @property
    def accumulator(self) -> Accumulator:
        """Where the sums are kept."""
        return self.op.accumulator

    @property
    def requantizers(self) -> tuple[Requantizer, ...]:
        """Of the op behind the sum, one for each channel; empty where it is another op."""
        if not self.followers or not isinstance(self.followers[0].op, fixed.Requantize):
            return ()
        found = self.followers[0].op.requantizers
        return found * self.channels if len(found) == 1 else found

    @property
    def centred_codes(self) -> Interval:
        """What a weight is multiplied with: codes without the zero point."""
        zero_point = self.zero_point
        return Interval(self.codes.low - zero_point, self.codes.high - zero_point)

    @property
    def zero_point(self) -> int:
        """Of the operand."""
        match self.op:
            case fixed.Conv2d(input_zero_point=zero_point):
                return zero_point
            case fixed.MatMul(left_zero_point=zero_point):
                return zero_point
            case _:
                assert_never(self.op)

    def row(self, channel: int) -> list[int]:
        """A channel's weights without their zero point, in the order of the terms."""
        match self.op:
            case fixed.Conv2d(weight_zero_points=zero_points):
                raw = self.weights.array[channel].ravel()
            case fixed.MatMul(right_zero_points=zero_points):
                raw = self.weights.array[:, channel]
            case _:
                assert_never(self.op)
        zero_point = zero_points[channel if len(zero_points) > 1 else 0]
        return [int(weight) - zero_point for weight in raw]

    def bias_of(self, channel: int) -> int:
        """A channel's bias."""
        return 0 if self.bias is None else int(self.bias.array[channel])

    @property
    def window(self) -> tuple[int, ...]:
        """The shape of the operands of one position."""
        match self.op:
            case fixed.Conv2d(dilations=dilations):
                _, rows, columns, _ = self.weights.type.shape
                extents = (rows - 1) * dilations[0] + 1, (columns - 1) * dilations[1] + 1
                return *extents, self.operand.shape[-1]
            case fixed.MatMul():
                return (self.operand.shape[-1],)
            case _:
                assert_never(self.op)

    def taps(self, channel: int) -> tuple[slice, ...]:
        """Where in a window the terms of a channel lie, in their order."""
        match self.op:
            case fixed.Conv2d(dilations=dilations, groups=groups):
                inputs = self.weights.type.shape[-1]
                first = channel // (self.channels // groups) * inputs
                return (
                    slice(None, None, dilations[0]),
                    slice(None, None, dilations[1]),
                    slice(first, first + inputs),
                )
            case fixed.MatMul():
                return (slice(None),)
            case _:
                assert_never(self.op)

    def fill(self, window: Array, channel: int, operands: list[int]) -> None:
        """Write centred operands of a channel's terms, in their order, as codes."""
        place = window[self.taps(channel)]
        codes = np.array(operands, dtype=np.int64) + self.zero_point
        window[self.taps(channel)] = codes.reshape(place.shape).astype(window.dtype)

    def blank(self, count: int) -> Array:
        """Windows that hold the code nearest to the zero point."""
        code = min(max(self.zero_point, self.codes.low), self.codes.high)
        return np.full((count, *self.window), code, dtype=self.operand.integer.dtype)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A node that sums but isn't covered, and why."""

    node: Node
    why: str


def layers_of(graph: Graph) -> tuple[tuple[Layer, ...], tuple[Skipped, ...]]:
    """The layers of a fixed graph, and the summing nodes that are left out."""
    ranges = value_ranges(graph)
    found: list[Layer] = []
    skipped: list[Skipped] = []
    for node in graph.nodes:
        match node.op:
            case fixed.Conv2d() | fixed.MatMul():
                problem = _problem(graph, node)
                if problem is None:
                    found.append(_layer(graph, node, node.op, ranges[node.operands[0]]))
                else:
                    skipped.append(Skipped(node, problem))
            case fixed.ConvTranspose2d():
                skipped.append(Skipped(node, "the terms of a transposed convolution vary by place"))
            case fixed.ReduceSum():
                skipped.append(Skipped(node, "a plain sum has no weights"))
            case _:
                pass
    return tuple(found), tuple(skipped)


def _problem(graph: Graph, node: Node) -> str | None:
    weights = graph.constant(node.operands[1])
    if weights is None:
        return "its weights are computed"
    if isinstance(node.op, fixed.MatMul) and weights.type.rank != 2:
        return "it has a matrix for each index of a batch"
    if len(node.operands) > 2 and graph.constant(node.operands[2]) is None:
        return "its bias is computed"
    return None


def _layer(graph: Graph, node: Node, op: Contraction, codes: Interval) -> Layer:
    weights = graph.constant(node.operands[1])
    if weights is None:
        raise TypeError(f"{node.name} has no constant weights")
    followers = _followers(graph, node)
    tables = [
        (each.name, table)
        for each in followers
        if isinstance(each.op, fixed.Lookup) and (table := graph.constant(each.operands[1]))
    ]
    return Layer(
        node,
        op,
        followers,
        graph.type_of(node.operands[0]),
        codes,
        weights,
        graph.constant(node.operands[2]) if len(node.operands) > 2 else None,
        tuple(tables),
    )


def _followers(graph: Graph, node: Node) -> tuple[Node, ...]:
    """The chain of elementwise nodes, each the only reader of the one before."""
    chain: list[Node] = []
    while node.name not in graph.outputs:
        users = graph.users.get(node.name, ())
        if len(users) != 1 or not isinstance(users[0].op, Follower):
            break
        (node,) = users
        if isinstance(node.op, fixed.Lookup) and graph.constant(node.operands[1]) is None:
            break
        chain.append(node)
    return tuple(chain)


def layer_graph(layer: Layer, windows: int, channel: int | None = None) -> Graph:
    """A graph of one layer, whose input is a batch of windows, each giving one sum a channel.

    Its values are called as in the whole graph; the input is ``window``.

    Args:
        layer: which.
        windows: how many.
        channel: the only channel to compute; None for all.
    """
    only = slice(None) if channel is None else slice(channel, channel + 1)
    shape = (windows, *layer.window)
    result: tuple[int, ...]
    op, weights = layer.op, layer.weights.array
    match op:
        case fixed.Conv2d():
            weights, groups = weights[only], op.groups
            if channel is not None:
                groups = 1
                shape = (*shape[:-1], layer.weights.type.shape[-1])
            zeros = _of_channel(op.weight_zero_points, only)
            op = replace(
                op, strides=(1, 1), pads=(0, 0, 0, 0), groups=groups, weight_zero_points=zeros
            )
            result = (windows, 1, 1, weights.shape[0])
        case fixed.MatMul():
            weights = weights[:, only]
            op = replace(op, right_zero_points=_of_channel(op.right_zero_points, only))
            result = (windows, weights.shape[1])
        case _:
            assert_never(op)
    given = Input("window", TensorType(layer.operand.integer, shape))
    constants = [_constant(layer.weights, weights)]
    if layer.bias is not None:
        constants.append(_constant(layer.bias, layer.bias.array[only]))
    operands = ("window", *layer.node.operands[1:])
    nodes = [Node(layer.node.name, layer.node.type.with_shape(result), op, operands)]
    tables = dict(layer.tables)
    for follower in layer.followers:
        extra: tuple[str, ...] = ()
        if follower.name in tables:
            table = tables[follower.name]
            array = table.array[only] if table.array.ndim == 2 else table.array
            constants.append(_constant(table, array))
            extra = (table.name,)
        type = follower.type.with_shape(result)
        nodes.append(Node(follower.name, type, _sliced(follower, only), (nodes[-1].name, *extra)))
    unique = {constant.name: constant for constant in constants}
    return Graph(
        layer.node.name,
        Level.FIXED,
        (given,),
        tuple(unique.values()),
        tuple(nodes),
        (nodes[-1].name,),
    )


def channel_windows(layer: Layer, windows: Array, channel: int) -> Array:
    """The part of windows that the graph of one channel reads."""
    if isinstance(layer.op, fixed.MatMul):
        return windows
    return windows[..., layer.taps(channel)[-1]]


def terms(layer: Layer) -> int:
    """How many products one sum has."""
    match layer.op:
        case fixed.Conv2d():
            return prod(layer.weights.type.shape[1:])
        case fixed.MatMul():
            return layer.weights.type.shape[0]
        case _:
            assert_never(layer.op)


def _constant(like: Constant, array: Array) -> Constant:
    return Constant(like.name, like.type.with_shape(array.shape), array)


def _of_channel(values: tuple[int, ...], only: slice) -> tuple[int, ...]:
    return values if len(values) == 1 else values[only]


def _sliced(node: Node, only: slice) -> fixed.Op:
    op = node.op
    match op:
        case fixed.Requantize(requantizers=requantizers):
            return op if len(requantizers) == 1 else fixed.Requantize(requantizers[only])
        case fixed.Clamp(low=low, high=high):
            return fixed.Clamp(_of_channel(low, only), _of_channel(high, only))
        case fixed.Cast() | fixed.Lookup():
            return op
        case _:
            raise TypeError(f"{node.name} is no follower")
