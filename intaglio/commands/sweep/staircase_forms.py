# SPDX-License-Identifier: Apache-2.0
"""Requantizations as the functions that they are on what can reach them.

Two multipliers, or two roundings, that step at the same accumulators are one arithmetic.  So is a
sum that is clamped once before its requantizer and one that isn't, where the requantizer's output
no longer steps beyond the clamp.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from intaglio.compiler.analysis.accumulators import (
    AccumulateOp,
    ChannelRange,
    channel_ranges,
    held,
    never_overflows,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.channel_staircases import ChannelStaircases, channel_staircases
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Shift

_ANY = Requantizer(Shift(0, Rounding.FLOOR), 0, 0, 0)
"""Stands where a digest says what the requantizers do."""


@dataclass(frozen=True, slots=True)
class StaircaseForm:
    """A graph whose requantizers are said by digests.

    Attributes:
        graph: with placeholders for those requantizers, and without the clamps that they absorb.
        digests: by name of the requantized value, what its requantizers do.
    """

    graph: Graph
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Reached:
    """What a requantization is given.

    Attributes:
        values: of each channel.
        before: the same before a clamp of the sum; equal to ``values`` where there is none.
    """

    values: tuple[Interval, ...]
    before: tuple[Interval, ...]


def staircase_form(graph: Graph) -> StaircaseForm:
    """Replace every requantization that has a staircase; others stay as they are."""
    ranges = value_ranges(graph)
    sums: dict[str, tuple[ChannelRange, ...]] = {
        node.name: channel_ranges(graph.definitions, node, node.op, ranges)
        for node in graph.nodes
        if isinstance(node.op, AccumulateOp)
    }
    found: dict[str, tuple[ChannelStaircases, _Reached]] = {}
    absorbing = {name for name in sums if _clamps_once(graph, name, sums[name])}
    for node in graph.nodes:
        if isinstance(node.op, fixed.Requantize):
            operand = node.operands[0]
            reached = _reached(graph, operand, sums, ranges[operand])
            stairs = _staircases(node.op.requantizers, reached.values)
            if stairs is None:
                # A reader without a staircase needs the clamp.
                absorbing.discard(operand)
            else:
                found[node.name] = stairs, reached
    digests: dict[str, str] = {}
    for node in graph.nodes:
        if node.name in found:
            stairs, reached = found[node.name]
            widened = _widened(stairs, reached) if node.operands[0] in absorbing else stairs
            digests[node.name] = widened.digest()
    nodes = tuple(_rewritten(node, digests, absorbing, sums) for node in graph.nodes)
    return StaircaseForm(replace(graph, nodes=nodes), digests)


def _clamps_once(graph: Graph, name: str, channels: Sequence[ChannelRange]) -> bool:
    """Whether a sum is the clamped exact one, read by requantizations alone."""
    node = graph.definitions[name]
    assert isinstance(node, Node)
    assert isinstance(node.op, AccumulateOp)
    accumulator = node.op.accumulator
    if accumulator.overflow is not Overflow.SATURATE or accumulator.partial_sums is not None:
        return False
    if name in graph.outputs or all(never_overflows(accumulator, each) for each in channels):
        return False
    return all(isinstance(user.op, fixed.Requantize) for user in graph.users.get(name, ()))


def _reached(
    graph: Graph, operand: str, sums: Mapping[str, tuple[ChannelRange, ...]], hull: Interval
) -> _Reached:
    node = graph.definitions[operand]
    if not isinstance(node, Node) or not isinstance(node.op, AccumulateOp):
        return _Reached((hull,), (hull,))
    accumulator = node.op.accumulator
    if accumulator.partial_sums is not None:
        return _Reached((hull,), (hull,))
    values = tuple(held(accumulator, each) for each in sums[operand])
    if accumulator.overflow is Overflow.SATURATE:
        return _Reached(values, tuple(each.total for each in sums[operand]))
    return _Reached(values, values)


def _staircases(
    requantizers: Sequence[Requantizer], values: tuple[Interval, ...]
) -> ChannelStaircases | None:
    count = max(len(requantizers), len(values))
    try:
        return channel_staircases(requantizers, values * (count // len(values)))
    except InvalidOption:
        return None


def _widened(stairs: ChannelStaircases, reached: _Reached) -> ChannelStaircases:
    """The staircases behind a clamp, on what is reached before it: beyond it they step no more."""
    before = reached.before * (len(stairs) // len(reached.before))
    ends = np.array([(each.low, each.high) for each in before], dtype=np.int64)
    return replace(stairs, low=ends[:, 0], high=ends[:, 1])


def _rewritten(
    node: Node,
    digests: Mapping[str, str],
    absorbing: set[str],
    sums: Mapping[str, tuple[ChannelRange, ...]],
) -> Node:
    op = node.op
    if isinstance(op, fixed.Requantize) and node.name in digests:
        return replace(node, op=replace(op, requantizers=(_ANY,)))
    if isinstance(op, AccumulateOp) and node.name in absorbing:
        # As ``narrow_accumulators`` leaves a sum that is proved to fit.
        partial = reduce(ChannelRange.__or__, sums[node.name]).partial
        signed = op.accumulator.type.signed
        type = IntType(partial.signed_bits, signed=True) if signed else partial.smallest_type()
        exact = Accumulator(type, truncation=op.accumulator.truncation)
        return replace(
            node, op=replace(op, accumulator=exact), type=replace(node.type, element=type)
        )
    return node
