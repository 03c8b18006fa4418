# SPDX-License-Identifier: Apache-2.0
"""Scale by integers where a requantizer scales by floats, as far as both provably do the same."""

from collections.abc import Mapping
from dataclasses import replace

from intaglio.compiler.analysis.accumulators import AccumulateOp, channel_ranges, held
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.editing import opened
from intaglio.numerics.equal_multipliers import FloatScaling, equal_scalings
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer


def integer_scalings(graph: Graph) -> Graph:
    """Replace float scalings by integer ones that are equal on every accumulator there can be.

    By channel: a multiplier and a shift with halves upward or to even, or with an addend, searched
    exactly on the interval that the channel's weights and bias leave for its accumulator.  Where
    none serves, the channel keeps its scaling: a power of two with ties to even has one that rounds
    halves to even; two accumulators whose products float32 rounds to ties, one from below and one
    from above, have none.  For processors without floats; where there are, floats are quicker.
    """
    ranges = value_ranges(graph)
    builder = opened(graph)
    for node in graph.nodes:
        match node.op:
            case fixed.Requantize(requantizers=requantizers) if _floats(requantizers):
                intervals = _intervals(graph, node, ranges, len(requantizers))
                op: fixed.Op = fixed.Requantize(_replaced(requantizers, intervals))
            case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum() as arithmetic) if _floats(
                arithmetic.by_count
            ):
                zero = arithmetic.input_zero_point
                term = ranges[node.operands[0]] - Interval(zero, zero)
                sums = term.scale_by(len(arithmetic.by_count)) | term
                by_count = _replaced(arithmetic.by_count, (sums,) * len(arithmetic.by_count))
                op = replace(node.op, arithmetic=replace(arithmetic, by_count=by_count))
            case _:
                continue
        builder.definitions[node.name] = replace(node, op=op)
    return builder.finish_like(graph, graph.outputs)


def _floats(requantizers: tuple[Requantizer, ...]) -> bool:
    return any(isinstance(each.scaling, FloatScaling) for each in requantizers)


def _intervals(
    graph: Graph, node: Node, ranges: Mapping[str, Interval], count: int
) -> tuple[Interval, ...]:
    """What each of ``count`` requantizers can be given."""
    whole = ranges[node.operands[0]]
    source = graph.definitions[node.operands[0]]
    if not isinstance(source, Node) or not isinstance(source.op, AccumulateOp):
        return (whole,) * count
    accumulator = source.op.accumulator
    channels = channel_ranges(graph.definitions, source, source.op, ranges)
    if len(channels) != count:
        return (whole,) * count
    return tuple(held(accumulator, channel) for channel in channels)


def _replaced(
    requantizers: tuple[Requantizer, ...], intervals: tuple[Interval, ...]
) -> tuple[Requantizer, ...]:
    found = equal_scalings(requantizers, intervals)
    return tuple(
        each if scaling is None else replace(each, scaling=scaling)
        for each, scaling in zip(requantizers, found, strict=True)
    )
