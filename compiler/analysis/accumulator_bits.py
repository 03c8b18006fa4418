# SPDX-License-Identifier: Apache-2.0
"""How many bits each accumulator of a network needs, by proof."""

from dataclasses import dataclass
from functools import reduce

from intaglio.compiler.analysis.accumulators import ChannelRange, accumulating_nodes, channel_ranges
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.graph import Graph, Input


@dataclass(frozen=True, slots=True)
class AccumulatorBits:
    """Widths of one accumulator, in bits of two's complement.

    Attributes:
        name: the value that the sum defines.
        source: the node of the user's model.
        declared_bits: the accumulator's width in the graph.
        type_bits: enough for the final sum of any weights and operands of these types.
        final_bits: enough for the final sum of these weights and biases, whatever the input.
        any_order_bits: enough for every partial sum as well, in whatever order terms are added.
        channel_bits: ``any_order_bits`` of each output channel; one entry where all share it.
    """

    name: str
    source: str
    declared_bits: int
    type_bits: int
    final_bits: int
    any_order_bits: int
    channel_bits: tuple[int, ...]


def accumulator_report(graph: Graph) -> tuple[AccumulatorBits, ...]:
    """The widths of every sum of a fixed graph, in the graph's order.

    Raises:
        InvalidGraph: the graph is at the scaled level.
    """
    ranges = value_ranges(graph)
    words = {name: graph.type_of(name).integer.interval for name in ranges}
    # Weights as if computed at run time: nothing but their type is known.
    weights = {node.operands[1] for node, _ in accumulating_nodes(graph) if len(node.operands) > 1}
    unknown = dict(graph.definitions) | {name: Input(name, graph.type_of(name)) for name in weights}
    found: list[AccumulatorBits] = []
    for node, op in accumulating_nodes(graph):
        by_type = channel_ranges(unknown, node, op, words)
        channels = channel_ranges(graph.definitions, node, op, ranges)
        every = reduce(ChannelRange.__or__, channels)
        found.append(
            AccumulatorBits(
                node.name,
                node.source,
                op.accumulator.type.bits,
                reduce(ChannelRange.__or__, by_type).total.signed_bits,
                every.total.signed_bits,
                every.partial.signed_bits,
                tuple(channel.partial.signed_bits for channel in channels),
            )
        )
    return tuple(found)
