# SPDX-License-Identifier: Apache-2.0
"""Move the input's zero point out of the sums and into the biases."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from intaglio.compiler.analysis.accumulators import (
    channel_ranges,
    never_overflows,
    weight_sums,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Definition, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.editing import only_reader, opened
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

BIAS = IntType(32, signed=True)

Foldable = fixed.Conv2d | fixed.MatMul


def fold_zero_points(graph: Graph) -> Graph:
    """Σ (x - zx)(w - zw) + b becomes Σ x (w - zw) + b', b' = b - zx Σ (w - zw) by output channel.

    Convolutions and products by a constant matrix, with a constant bias or none.  At padded
    positions the code stays, so that border windows hold the same sum: with the code zx there,
    ``zx (w - zw)`` is what b' has lost.  b' has 32 bits, or as many more as it needs.

    Exact for WRAP and SATURATE, which depend on the exact sum alone.  SATURATE_EACH_ADD is folded
    where no partial sum overflows in any order, before and after.

    A transposed convolution is left: how many taps meet at a position differs from one to the next,
    at its borders and between its strides, so that no one bias makes up for the zero point.
    """
    ranges = value_ranges(graph)
    builder = opened(graph)
    for node in graph.nodes:
        if isinstance(node.op, Foldable) and _zero_point(node.op) != 0:
            _fold(graph, builder, node, node.op, ranges)
    return builder.finish_like(graph, graph.outputs)


def _zero_point(op: Foldable) -> int:
    return op.input_zero_point if isinstance(op, fixed.Conv2d) else op.left_zero_point


def _fold(
    graph: Graph, builder: Builder, node: Node, op: Foldable, ranges: Mapping[str, Interval]
) -> None:
    """Replace one node in the builder, if its zero point can be folded."""
    values = _folded_bias(graph, node, op)
    if values is None:
        return
    bias = _bias_constant(graph, builder, node, values)
    if bias is None:
        return
    folded = _without_zero_point(op)
    changed = replace(node, op=folded, operands=(*node.operands[:2], bias.name))
    if op.accumulator.truncation is not None:
        # What is dropped of a product depends on the zero point within it.
        return
    if op.accumulator.overflow.ordered or op.accumulator.partial_sums is not None:
        after = ChainMap[str, Definition]({bias.name: bias}, dict(graph.definitions))
        if not (
            _never_overflows(graph.definitions, node, op, ranges)
            and _never_overflows(after, changed, folded, ranges)
        ):
            return
    builder.definitions[bias.name] = bias
    builder.definitions[node.name] = changed


def _without_zero_point(op: Foldable) -> Foldable:
    if isinstance(op, fixed.Conv2d):
        return replace(op, input_zero_point=0)
    return replace(op, left_zero_point=0)


def _folded_bias(graph: Graph, node: Node, op: Foldable) -> list[int] | None:
    """B' by channel, None where weights or bias are computed, or weights differ by batch."""
    weights = graph.constant(node.operands[1])
    if weights is None:
        return None
    if isinstance(op, fixed.Conv2d):
        channels = weight_sums(weights, 0, op.weight_zero_points)
    elif weights.type.rank == 2:
        channels = weight_sums(weights, -1, op.right_zero_points)
    else:
        return None
    biases = [0] * len(channels)
    if len(node.operands) > 2:
        bias = graph.constant(node.operands[2])
        if bias is None:
            return None
        biases = [int(value) for value in bias.array]
    zero_point = _zero_point(op)
    return [
        value - zero_point * (sums.positive + sums.negative)
        for value, (sums,) in zip(biases, channels, strict=True)
    ]


def _bias_constant(
    graph: Graph, builder: Builder, node: Node, values: list[int]
) -> Constant | None:
    """The new bias, under the old one's name where no other node reads that; None over 64 bits."""
    interval = Interval(min(values), max(values))
    if interval.signed_bits > 64:
        return None
    fits = BIAS.interval.contains(interval)
    type = TensorType(BIAS if fits else IntType(interval.signed_bits, signed=True), (len(values),))
    array = np.array(values, dtype=type.integer.dtype)
    if len(node.operands) < 3:
        return Constant(builder.unique(f"{node.name}.bias"), type, array, node.source)
    old = graph.definitions[node.operands[2]]
    alone = only_reader(graph, old.name)
    return Constant(old.name if alone else builder.unique(old.name), type, array, old.source)


def _never_overflows(
    definitions: Mapping[str, Definition],
    node: Node,
    op: Foldable,
    ranges: Mapping[str, Interval],
) -> bool:
    return all(
        never_overflows(op.accumulator, each)
        for each in channel_ranges(definitions, node, op, ranges)
    )
