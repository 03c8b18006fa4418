# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops for any machine and any width."""

from collections.abc import Callable, Sequence
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.targets.tvm.expressions import floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.pairs import paired
from intaglio.compiler.targets.tvm.function import index
from intaglio.compiler.targets.tvm.kernels.scope import (
    Scope,
    elements,
    flat,
    followed,
    split,
    strides_of,
)
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant

PairOp = (
    fixed.Pairwise | fixed.Add | fixed.Subtract | fixed.Multiply | fixed.Minimum | fixed.Maximum
)


def unary(scope: Scope) -> None:
    """``Requantize``, ``Clamp`` or ``Cast``, then the followers."""
    x, y = scope.operand(0), scope.result()
    with elements(scope, y.type) as (place, channel):
        at = scope.channels(channel)
        y.store(place, scope.follow(at, followed(at, scope.node, x.load(place))))


def lookup(scope: Scope) -> None:
    """``Lookup``."""
    x = scope.operand(0)
    table, y = scope.operand(1), scope.result()
    first = constant(x.type.integer.minimum)
    entries = 1 << x.type.integer.bits
    with elements(scope, y.type) as (place, channel):
        entry = (x.load(place) - first).word(32)
        row = channel * index(entries) if table.type.rank == 2 else index(0)
        at = scope.channels(channel)
        y.store(place, scope.follow(at, table.load(row + entry)))


def pair(scope: Scope, op: PairOp) -> None:
    """A function of two broadcast operands."""
    left, right, y = scope.operand(0), scope.operand(1), scope.result()
    shape = y.type.shape
    with split(scope.function, shape) as places:
        at = scope.channels(places[-1] if places else index(0))
        first = left.load(_broadcast(places, left.type.shape))
        second = right.load(_broadcast(places, right.type.shape))
        found = at.once(combined(at, op, first, second))
        y.store(flat(places, shape), scope.follow(at, found))


def combined(at: Channels, op: PairOp, left: Number, right: Number) -> Number:
    """What an op of two operands makes of a pair of elements."""
    match op:
        case fixed.Pairwise():
            return paired(at, op.arithmetic, left, right)
        case fixed.Add():
            return left + right
        case fixed.Subtract():
            return left - right
        case fixed.Multiply():
            first = left - at.constant(op.left_zero_point)
            return first * (right - at.constant(op.right_zero_point))
        case fixed.Minimum():
            return left.minimum(right)
        case fixed.Maximum():
            return left.maximum(right)
        case _:
            assert_never(op)


def dequantize(scope: Scope, op: fixed.Dequantize) -> None:
    """``Dequantize``."""
    x, y = scope.operand(0), scope.result()
    with elements(scope, y.type) as (place, channel):
        at = scope.channels(channel)
        centred = x.load(place) - constant(op.zero_point)
        value = floating.from_number(at, centred, "float32") * at.float32([op.scale])
        scope.function.store(y.buffer, place, value)


def float32_binary(scope: Scope, op: fixed.Float32Binary) -> None:
    """``Float32Binary``; a minimum or maximum of equals is the first."""
    left, right, y = scope.operand(0), scope.operand(1), scope.result()
    functions: dict[BinaryFunction, Callable[[Expression, Expression], Expression]] = {
        BinaryFunction.ADD: lambda a, b: a + b,
        BinaryFunction.SUBTRACT: lambda a, b: a - b,
        BinaryFunction.MULTIPLY: lambda a, b: a * b,
        BinaryFunction.DIVIDE: lambda a, b: a / b,
        BinaryFunction.MINIMUM: lambda a, b: tirx.Select(b < a, b, a),
        BinaryFunction.MAXIMUM: lambda a, b: tirx.Select(b > a, b, a),
    }
    with split(scope.function, y.type.shape) as places:
        first = left.load_float(_broadcast(places, left.type.shape))
        second = right.load_float(_broadcast(places, right.type.shape))
        value = functions[op.function](first, second)
        scope.function.store(y.buffer, flat(places, y.type.shape), value)


def _broadcast(places: Sequence[Expression], shape: Sequence[int]) -> Expression:
    """The offset in an operand whose axes are the last ones, an extent of 1 repeated."""
    offset = index(0)
    own = places[len(places) - len(shape) :]
    for place, extent, stride in zip(own, shape, strides_of(shape), strict=True):
        if extent != 1:
            offset = offset + place * index(stride)
    return offset
