# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops, in the narrowest integers that hold operands and result."""

from collections.abc import Callable, Sequence
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.fixed import Add, Cast, Clamp, Maximum, Minimum, Multiply, Subtract
from intaglio.compiler.ir.fixed.elementwise import Requantize
from intaglio.compiler.ir.graph import Node
from intaglio.numerics import prepare
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import Array, Word, centred, in_word, integer_word, store

BinaryOp = Add | Subtract | Multiply | Minimum | Maximum


def prepare_requantize(node: Node, op: Requantize, operands: Sequence[Operand]) -> Prepared:
    """``Requantize``."""
    prepared = prepare(op.requantizers)
    codes = Interval(min(r.low for r in op.requantizers), max(r.high for r in op.requantizers))
    type, interval = node.type.integer, operands[0].interval
    # Only codes beyond the type need a look at the results; sound graphs have none.
    narrow = type if type.interval.contains(codes) else None

    def compute(arrays: Operands) -> Array:
        return store(node.name, prepared.apply(arrays[0], narrow, interval), codes, type)

    return Prepared(compute, _within(codes, type.interval))


def prepare_binary(node: Node, op: BinaryOp, operands: Sequence[Operand]) -> Prepared:
    """Two operands, broadcast."""
    first, second = operands[0].interval, operands[1].interval
    zero_points = (0, 0)
    if isinstance(op, Multiply):
        zero_points = (op.left_zero_point, op.right_zero_point)
    left, right = (
        x - Interval(zero, zero) for x, zero in zip((first, second), zero_points, strict=True)
    )
    function, result = _binary(op, left, right)
    word = integer_word(Interval.hull_of((first, second, *zero_points, left, right, result)))
    type = node.type.integer

    def compute(arrays: Operands) -> Array:
        a, b = (centred(x, z, word) for x, z in zip(arrays, zero_points, strict=True))
        return store(node.name, np.asarray(function(a, b)), result, type)

    return Prepared(compute, _within(result, type.interval))


def _binary(
    op: BinaryOp, left: Interval, right: Interval
) -> tuple[Callable[[Array, Array], Array], Interval]:
    """The function of two centred operands, and where its results lie."""
    match op:
        case Add():
            return np.add, left + right
        case Subtract():
            return np.subtract, left - right
        case Multiply():
            return np.multiply, left * right
        case Minimum():
            return np.minimum, Interval(min(left.low, right.low), min(left.high, right.high))
        case Maximum():
            return np.maximum, Interval(max(left.low, right.low), max(left.high, right.high))
        case _:
            assert_never(op)


def prepare_clamp(node: Node, op: Clamp, operands: Sequence[Operand]) -> Prepared:
    """``Clamp``; where bounds cross, the upper one holds."""
    x, type = operands[0].interval, node.type.integer
    result = Interval.hull_of(
        min(max(end, low), high) for low, high in _bounds(op) for end in (x.low, x.high)
    )
    reached = Interval.hull_of((x, *op.low, *op.high))
    word = integer_word(reached)
    low, high = (_bound(bounds, word) for bounds in (op.low, op.high))

    def compute(arrays: Operands) -> Array:
        clamped = np.minimum(np.maximum(in_word(arrays[0], word), low), high)
        return store(node.name, np.asarray(clamped), result, type)

    return Prepared(compute, _within(result, type.interval))


def _bound(values: tuple[int, ...], word: Word) -> Array:
    """One bound for each channel; a bound alone has rank 0, so that it adds no axis."""
    bounds = np.array(values, dtype=object).astype(word)
    return bounds if bounds.size > 1 else bounds.reshape(())


def _bounds(op: Clamp) -> list[tuple[int, int]]:
    count = max(len(op.low), len(op.high))
    return [(op.low[at % len(op.low)], op.high[at % len(op.high)]) for at in range(count)]


def prepare_cast(node: Node, op: Cast, operands: Sequence[Operand]) -> Prepared:
    """``Cast``; one value saturates the same at once and at each addition."""
    x, type = operands[0].interval, node.type.integer
    if type.interval.contains(x):
        return Prepared(lambda arrays: arrays[0].astype(type.dtype, copy=False), x)
    match op.overflow:
        case Overflow.WRAP:
            return Prepared(lambda arrays: type.wrap_array(arrays[0]), type.interval)
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            ends = Interval(type.saturate(x.low), type.saturate(x.high))
            return Prepared(lambda arrays: type.saturate_array(arrays[0]), ends)
        case _:
            assert_never(op.overflow)


def prepare_lookup(node: Node, operands: Sequence[Operand]) -> Prepared:
    """``Lookup`` in one table, or in one for each index of the last axis."""
    x, table, type = operands[0], operands[1], node.type.integer
    first, size = x.type.integer.minimum, table.type.shape[-1]
    channels = table.type.shape[0] if table.type.rank > 1 else 1
    rows = np.arange(channels, dtype=np.int64) * size
    result = table.interval
    if table.constant is not None:
        result = Interval(int(table.constant.min()), int(table.constant.max()))

    def compute(arrays: Operands) -> Array:
        places = centred(arrays[0], first, np.dtype(np.int64))
        if channels > 1:
            places += rows
        return store(node.name, arrays[1].reshape(-1)[places], result, type)

    return Prepared(compute, _within(result, type.interval))


def _within(interval: Interval, held: Interval) -> Interval:
    """The part of an interval that passes ``store``."""
    low, high = max(interval.low, held.low), min(interval.high, held.high)
    return Interval(low, high) if low <= high else held
