# SPDX-License-Identifier: Apache-2.0
"""Nodes made ready to run and to be counted, in whole arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import assert_never

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Definition, Node
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.engine import trapping
from intaglio.simulator.statistics.clamps import CodeOp, clamps, with_wider_clamp
from intaglio.simulator.statistics.definition import observe_codes, observe_sums
from intaglio.simulator.statistics.ordered import OrderedSums, ordered_sums
from intaglio.simulator.statistics.stages import count_left, leaving_channels
from intaglio.simulator.statistics.tallies import Tallies
from intaglio.simulator.vectorized.prepare import prepare_node
from intaglio.simulator.vectorized.prepared import Fused, Operand, Operands
from intaglio.simulator.vectorized.words import Array, Word

_WIDEST = IntType(64, signed=True)

Compute = Callable[[Operands, Tallies], Array]
Finish = Callable[[Array, Tallies], Array]


@dataclass(frozen=True, slots=True)
class Watch:
    """A node whose results are counted while it runs.

    Attributes:
        compute: the results from the operands.
        interval: where they lie.
        fused: for sums that work in blocks: what computes the exact ones.
        finish: the results from exact sums, counted; of any block whose last axis is whole.
    """

    compute: Compute
    interval: Interval
    fused: Fused | None = None
    finish: Finish | None = None


def watch_sums(
    definitions: Mapping[str, Definition],
    node: Node,
    op: AccumulateOp,
    operands: Sequence[Operand],
    declared_bits: int,
) -> Watch:
    """A sum in an accumulator wide enough for every exact one; its own overflow rule follows."""
    plain = prepare_node(node, op, operands)
    intervals = {name: each.interval for name, each in zip(node.operands, operands, strict=True)}
    # What registers before the accumulator make of the sums isn't exact.
    direct = replace(op, accumulator=Accumulator(op.accumulator.type))
    channels = channel_ranges(definitions, node, direct, intervals)
    reached = reduce(ChannelRange.__or__, channels)
    accumulator, exact = op.accumulator, reached.total
    decides = _exact_sum_decides(accumulator, reached.partial)
    if not decides and reached.partial.signed_bits <= _WIDEST.bits:
        every = range(node.type.shape[-1]) if node.type.shape else ()
        unproved = [
            channel
            for channel in every
            if not _exact_sum_decides(accumulator, channels[channel % len(channels)].partial)
        ]
        ordered = ordered_sums(node, op, operands, unproved)
        if ordered is not None:
            return _watch_ordered(node, op, operands, reached.partial, ordered, declared_bits)
    if exact.signed_bits > _WIDEST.bits or not decides:

        def by_definition(arrays: Operands, tallies: Tallies) -> Array:
            result = plain.compute(arrays)
            tallies.put(observe_sums(node, op, arrays, declared_bits))
            return result

        return Watch(by_definition, plain.interval)
    word = IntType(exact.signed_bits, signed=True)
    wide_op = replace(op, accumulator=Accumulator(word))
    wide_node = replace(node, op=wide_op, type=replace(node.type, element=word))
    wide = prepare_node(wide_node, wide_op, operands)

    def finish(sums: Array, tallies: Tallies) -> Array:
        tally = tallies.sums(node, accumulator.overflow, declared_bits)
        tally.add_exact(sums, exact)
        if accumulator.type.interval.contains(exact):
            return sums.astype(accumulator.type.dtype, copy=False)
        kept = _kept(sums, accumulator)
        tally.add_overflows(kept != sums)
        return kept

    return Watch(
        lambda arrays, tallies: finish(wide.compute(arrays), tallies),
        plain.interval,
        wide.fused,
        finish,
    )


def _watch_ordered(
    node: Node,
    op: AccumulateOp,
    operands: Sequence[Operand],
    within: Interval,
    ordered: OrderedSums,
    declared_bits: int,
) -> Watch:
    """Exact sums under the accumulator's rule; where more decides, added once more, in order."""
    accumulator = op.accumulator
    word = IntType(max(within.signed_bits, 2), signed=True)
    wide_op = replace(op, accumulator=Accumulator(word, truncation=accumulator.truncation))
    wide_node = replace(node, op=wide_op, type=replace(node.type, element=word))
    wide = prepare_node(wide_node, wide_op, operands)

    def compute(arrays: Operands, tallies: Tallies) -> Array:
        tally = tallies.sums(node, accumulator.overflow, declared_bits)
        sums = np.asarray(wide.compute(arrays))
        tally.add_exact(sums, within)
        if accumulator.overflow.ordered:
            # Where the exact sum decides, it is the result.
            kept = sums.astype(accumulator.type.dtype)
        else:
            kept = _kept(sums, accumulator)
            overflows = kept != sums
            overflows[..., ordered.channels] = False
            tally.add_overflows(overflows)
        x, images = arrays[0], kept
        if isinstance(op, fixed.MatMul):
            x = x.reshape(1, -1, 1, x.shape[-1])
            images = kept.reshape(1, -1, 1, kept.shape[-1])
        with trapping(node):
            ordered.overwrite(images, x, tally)
        return kept

    return Watch(compute, accumulator.type.interval)


def _exact_sum_decides(accumulator: Accumulator, partial: Interval) -> bool:
    """Whether the result is a function of the exact sum alone, and no register overflows."""
    registers = accumulator.partial_sums
    if accumulator.truncation is not None:
        return False
    if registers is not None and not registers.type.interval.contains(partial):
        return False
    return not accumulator.overflow.ordered or accumulator.type.interval.contains(partial)


def _kept(sums: Array, accumulator: Accumulator) -> Array:
    match accumulator.overflow:
        case Overflow.WRAP:
            return accumulator.type.wrap_array(sums)
        case Overflow.SATURATE:
            return accumulator.type.saturate_array(sums)
        case Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            raise AssertionError("an ordered sum that can saturate was taken for an exact one")
        case _:
            assert_never(accumulator.overflow)


def watch_codes(node: Node, op: CodeOp, operands: Sequence[Operand]) -> Watch:
    """A value of codes with its clamp, one code further out, still to come."""
    match op:
        case fixed.Clamp() | fixed.Cast():
            return _watch_bounds(node, op, operands)
        case fixed.Requantize() | fixed.Pairwise() | fixed.AveragePool2d():
            pass
        case _:
            assert_never(op)
    plain = prepare_node(node, op, operands)
    ends = clamps(op)
    reached = Interval.hull_of(ends)
    beyond = Interval(reached.low - 1, reached.high + 1)

    def by_definition(arrays: Operands, tallies: Tallies) -> Array:
        result = plain.compute(arrays)
        tallies.put(observe_codes(node, op, arrays, result))
        return result

    if not _WIDEST.interval.contains(beyond):
        return Watch(by_definition, plain.interval)
    wider_op = with_wider_clamp(op, 1)
    wider_node = replace(node, op=wider_op, type=replace(node.type, element=beyond.smallest_type()))
    wider = prepare_node(wider_node, wider_op, operands)
    dtype = node.type.integer.dtype
    if isinstance(op, fixed.AveragePool2d) and len(set(ends)) > 1:
        # Each divisor has a clamp of its own, and so each position of the plane.
        def averaged(arrays: Operands, tallies: Tallies) -> Array:
            result, values = plain.compute(arrays), wider.compute(arrays)
            tallies.codes(node).add_clamped(values < result, values > result)
            return result

        return Watch(averaged, plain.interval)
    word = wider_node.type.integer.dtype
    low = _channels([each.low for each in ends], word)
    high = _channels([each.high for each in ends], word)

    x = operands[0].interval
    requantizers = op.requantizers if isinstance(op, fixed.Requantize) else ()
    leaving = leaving_channels(requantizers, x)

    def compute(arrays: Operands, tallies: Tallies) -> Array:
        if leaving:
            tallies.codes(node).stages += count_left(requantizers, leaving, arrays[0], x)
        values = wider.compute(arrays)
        tallies.codes(node).add_clamped(values < low, values > high)
        return np.asarray(np.clip(values, low, high)).astype(dtype)

    return Watch(compute, plain.interval)


def _channels(ends: Sequence[int], word: Word) -> Array:
    """One end for each channel; a single one has rank 0."""
    array = np.array(ends, word)
    return array if len(set(ends)) > 1 else array[:1].reshape(())


def _watch_bounds(node: Node, op: fixed.Clamp | fixed.Cast, operands: Sequence[Operand]) -> Watch:
    """A clamp or a conversion changes what it is given, or doesn't."""
    plain = prepare_node(node, op, operands)
    wraps = isinstance(op, fixed.Cast) and op.overflow is Overflow.WRAP

    def compute(arrays: Operands, tallies: Tallies) -> Array:
        values, result = arrays[0], np.asarray(plain.compute(arrays))
        if wraps:
            tallies.codes(node).add_wrapped(np.asarray(values != result))
        else:
            tallies.codes(node).add_clamped(
                np.asarray(values < result), np.asarray(values > result)
            )
        return result

    return Watch(compute, plain.interval)
