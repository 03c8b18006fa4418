# SPDX-License-Identifier: Apache-2.0
"""Give each sum the narrowest accumulator that provably never overflows."""

from dataclasses import replace
from functools import reduce

from intaglio.compiler.analysis.accumulators import (
    ChannelRange,
    accumulating_nodes,
    channel_ranges,
    never_overflows,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.editing import opened
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

ANY_WIDTH = (
    fixed.Requantize
    | fixed.Clamp
    | fixed.Cast
    | fixed.Add
    | fixed.Subtract
    | fixed.Minimum
    | fixed.Maximum
)
"""Ops that mean the same whatever the width of their operands' type."""


def narrow_accumulators(graph: Graph) -> Graph:
    """Prove that no partial sum overflows, in any order; then narrow as far as that holds.

    The proof bounds the sum of every subset of the terms over all values that the operands can
    hold.  Where it succeeds, every overflow rule means the exact sum, with partial sums or without,
    so the accumulator becomes a wrapping one, which any engine may add up in any order; where it
    fails the node is left as it is.  The type is kept where the sum is an output or where a reader
    depends on the type (a lookup's table, a move).
    """
    ranges = value_ranges(graph)
    builder = opened(graph)
    for node, op in accumulating_nodes(graph):
        channels = channel_ranges(graph.definitions, node, op, ranges)
        every = reduce(ChannelRange.__or__, channels)
        partial, word = every.partial, op.accumulator.type
        if not never_overflows(op.accumulator, every):
            continue
        narrowed = _narrowest(partial, word) if _may_change_type(graph, node) else word
        exact = Accumulator(narrowed, truncation=op.accumulator.truncation)
        builder.definitions[node.name] = replace(
            node,
            op=replace(op, accumulator=exact),
            type=replace(node.type, element=narrowed),
        )
    return builder.finish_like(graph, graph.outputs)


def _narrowest(interval: Interval, word: IntType) -> IntType:
    """The narrowest type of the same signedness."""
    if word.signed:
        return IntType(interval.signed_bits, signed=True)
    return interval.smallest_type()


def _may_change_type(graph: Graph, node: Node) -> bool:
    if node.name in graph.outputs:
        return False
    return all(isinstance(user.op, ANY_WIDTH) for user in graph.users.get(node.name, ()))
