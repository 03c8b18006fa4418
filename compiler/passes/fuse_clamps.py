# SPDX-License-Identifier: Apache-2.0
"""Let the op before a clamp clamp by itself, and drop clamps that change nothing."""

from collections import Counter
from dataclasses import replace
from typing import TypeVar

import numpy as np

from intaglio.compiler.analysis.ranges import channel_bounds, value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.editing import opened
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import PairArithmetic, RescaledSum
from intaglio.numerics.requantizers import Requantizer

WIDEST_CHANNEL_TABLE = 8
"""Operand bits up to which a per-channel clamp may turn one table into one for each channel."""

ValueT = TypeVar("ValueT")

Bounds = tuple[tuple[int, int], ...]
"""(low, high) of the whole tensor, or of each index of the last axis."""


def fuse_clamps(graph: Graph) -> Graph:
    """Fuse each clamp, or saturating cast, into the op that it alone reads.

    Clamping to [a, b] and then to [c, d] is one clamp to [clamp(a, c, d), clamp(b, c, d)], also
    where the intervals are disjoint; requantizers, two-input arithmetics, average pools and clamps
    end in one, and a table is clamped entry by entry.  The fused op takes the clamp's name and
    type.  A clamp that holds every value its operand can have is no clamp.
    """
    ranges = value_ranges(graph)
    builder = opened(graph)
    fusing = _Fusing(builder, Counter(graph.outputs))
    for node in graph.nodes:
        fusing.reads.update(node.operands)
    for node in graph.nodes:
        current = fusing.renamed(node)
        bounds = _bounds(current)
        if bounds is None:
            continue
        (operand,) = current.operands
        same_type = builder.type_of(operand) == current.type
        changes_nothing = all(Interval(*pair).contains(ranges[operand]) for pair in bounds)
        if changes_nothing and same_type and node.name not in graph.outputs:
            fusing.bypass(current)
        elif fusing.reads[operand] == 1:
            fusing.fuse(current, bounds)
    return builder.finish_like(graph, graph.outputs)


def _bounds(node: Node) -> Bounds | None:
    """Between what a node clamps, None where it does more than that."""
    match node.op:
        case fixed.Clamp(low=low, high=high):
            return channel_bounds(low, high)
        case fixed.Cast(overflow=Overflow.SATURATE | Overflow.SATURATE_EACH_ADD):
            return ((node.type.integer.minimum, node.type.integer.maximum),)
        case _:
            return None


class _Fusing:
    """The graph so far, how often each value is read, and which values stand for others."""

    def __init__(self, builder: Builder, reads: Counter[str]) -> None:
        self.builder = builder
        self.reads = reads
        self._same: dict[str, str] = {}

    def renamed(self, node: Node) -> Node:
        """The node as it reads now, put in its place."""
        operands = tuple(self._same.get(name, name) for name in node.operands)
        current = replace(node, operands=operands)
        self.builder.definitions[node.name] = current
        return current

    def bypass(self, node: Node) -> None:
        """Let every reader of a node read its operand instead."""
        (operand,) = node.operands
        self._same[node.name] = operand
        self.reads[operand] += self.reads.pop(node.name, 0) - 1

    def fuse(self, clamp: Node, bounds: Bounds) -> None:
        """Replace a clamp by the clamped op of its operand, where that can clamp so."""
        inner = self.builder.definitions[clamp.operands[0]]
        if not isinstance(inner, Node):
            return
        fused: fixed.Op | None
        operands = inner.operands
        match inner.op:
            case fixed.Requantize(requantizers=requantizers):
                fused = fixed.Requantize(_each_clamped(requantizers, bounds))
            case fixed.Clamp() | fixed.Cast():
                fused = _clamped_clamp(inner, bounds)
            case fixed.Pairwise(arithmetic=arithmetic) if len(set(bounds)) == 1:
                fused = fixed.Pairwise(_clamped_pair(arithmetic, *bounds[0]))
            case fixed.AveragePool2d() if len(set(bounds)) == 1:
                fused = replace(inner.op, arithmetic=_clamped_pool(inner.op.arithmetic, *bounds[0]))
            case fixed.Lookup():
                fused, operands = inner.op, self._clamped_lookup(inner, clamp, bounds)
            case _:
                return
        if fused is None or not operands:
            return
        changed = replace(clamp, op=fused, operands=operands)
        self.builder.definitions[clamp.name] = changed

    def _clamped_lookup(self, inner: Node, clamp: Node, bounds: Bounds) -> tuple[str, ...]:
        """The operands of a lookup whose table is clamped, none where it would grow too large."""
        x, name = inner.operands
        table = self.builder.definitions[name]
        bits = self.builder.type_of(x).integer.bits
        grows = len(bounds) > 1 and table.type.rank == 1
        if not isinstance(table, Constant) or (grows and bits > WIDEST_CHANNEL_TABLE):
            return ()
        low, high = (np.array(ends, dtype=object)[:, None] for ends in zip(*bounds, strict=True))
        entries = np.minimum(np.maximum(table.array.astype(object), low), high)
        shape = entries.shape if len(entries) > 1 else table.type.shape
        type = TensorType(clamp.type.element, shape)
        array = entries.reshape(shape).astype(clamp.type.integer.dtype)
        if self.reads[name] > 1:
            self.reads[name] -= 1
            name = self.builder.constant(table.name, type, array, table.source)
            self.reads[name] = 1
        else:
            self.builder.definitions[name] = Constant(name, type, array, table.source)
        return (x, name)


def _clamp_of(low: int, high: int, least: int, most: int) -> tuple[int, int]:
    """The one pair of bounds of two clamps, the second one to [least, most]."""
    return min(max(low, least), most), min(max(high, least), most)


def _clamped(requantizer: Requantizer, least: int, most: int) -> Requantizer:
    low, high = _clamp_of(requantizer.low, requantizer.high, least, most)
    return replace(requantizer, low=low, high=high)


def _each_clamped(requantizers: tuple[Requantizer, ...], bounds: Bounds) -> tuple[Requantizer, ...]:
    count = max(len(requantizers), len(bounds))
    pairs = zip(_stretched(requantizers, count), _stretched(bounds, count), strict=True)
    return tuple(_clamped(requantizer, *pair) for requantizer, pair in pairs)


def _stretched(values: tuple[ValueT, ...], count: int) -> tuple[ValueT, ...]:
    return values * (count // len(values))


def _clamped_clamp(inner: Node, bounds: Bounds) -> fixed.Clamp | None:
    own = _bounds(inner)
    if own is None:
        return None
    count = max(len(own), len(bounds))
    pairs = zip(_stretched(own, count), _stretched(bounds, count), strict=True)
    composed = [_clamp_of(*first, *second) for first, second in pairs]
    return fixed.Clamp(tuple(low for low, _ in composed), tuple(high for _, high in composed))


def _clamped_pair(arithmetic: PairArithmetic, least: int, most: int) -> PairArithmetic:
    if isinstance(arithmetic, RescaledSum):
        return replace(arithmetic, output=_clamped(arithmetic.output, least, most))
    low, high = _clamp_of(arithmetic.low, arithmetic.high, least, most)
    return replace(arithmetic, low=low, high=high)


def _clamped_pool(arithmetic: fixed.PoolArithmetic, least: int, most: int) -> fixed.PoolArithmetic:
    if isinstance(arithmetic, fixed.RequantizedSum):
        by_count = tuple(_clamped(each, least, most) for each in arithmetic.by_count)
        return replace(arithmetic, by_count=by_count)
    low, high = _clamp_of(arithmetic.low, arithmetic.high, least, most)
    return replace(arithmetic, low=low, high=high)
