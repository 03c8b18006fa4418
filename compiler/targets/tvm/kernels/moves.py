# SPDX-License-Identifier: Apache-2.0
"""Moves for any element type: from which element each one is read."""

from collections.abc import Callable, Sequence
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.moves import Move, PadMode
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import Function, cast, index, load
from intaglio.compiler.targets.tvm.kernels.scope import (
    Scope,
    dtype_of,
    flat,
    split,
    strides_of,
)
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import constant


def move(scope: Scope, op: Move) -> None:
    """Any move."""
    match op:
        case fixed.Reshape():
            _gather(scope, lambda places: flat(places, scope.node.type.shape))
        case fixed.Transpose():
            shape = scope.graph.operand_types(scope.node)[0].shape
            skipped = [strides_of(shape)[axis] for axis in op.permutation]
            _gather(scope, lambda places: _offset(places, skipped))
        case fixed.Slice():
            shape = scope.graph.operand_types(scope.node)[0].shape
            strides = strides_of(shape)
            skipped = [step * stride for step, stride in zip(op.steps, strides, strict=True)]
            first = sum(a * b for a, b in zip(op.starts, strides, strict=True))
            _gather(scope, lambda places: _offset(places, skipped) + index(first))
        case fixed.ResizeNearest():
            _resize_nearest(scope, op)
        case fixed.Concat():
            _concat(scope, op)
        case fixed.Pad():
            _pad(scope, op)
        case _:
            assert_never(op)


def _gather(scope: Scope, source: Callable[[list[Expression]], Expression]) -> None:
    """y[places] = x[source(places)]."""
    x, y = scope.operand(0), scope.result()
    with split(scope.function, y.type.shape) as places:
        scope.function.store(y.buffer, flat(places, y.type.shape), load(x.buffer, source(places)))


def _offset(places: Sequence[Expression], skipped: Sequence[int]) -> Expression:
    offset = index(0)
    for place, step in zip(places, skipped, strict=True):
        offset = offset + place * index(step)
    return offset


def _resize_nearest(scope: Scope, op: fixed.ResizeNearest) -> None:
    shape = scope.graph.operand_types(scope.node)[0].shape
    function = scope.function

    def source(places: list[Expression]) -> Expression:
        n, i, j, c = places
        row = Channels(function, i).number(op.rows).word(32)
        column = Channels(function, j).number(op.columns).word(32)
        return flat([n, row, column, c], shape)

    _gather(scope, source)


def _concat(scope: Scope, op: fixed.Concat) -> None:
    function = scope.function
    parts = [scope.operand(number) for number in range(len(scope.node.operands))]
    y = scope.result()
    step = strides_of(y.type.shape)[op.axis]
    start = 0
    for x in parts:
        with split(function, x.type.shape) as places:
            to = flat(places, y.type.shape) + index(start * step)
            function.store(y.buffer, to, load(x.buffer, flat(places, x.type.shape)))
        start += x.type.shape[op.axis]


def _pad(scope: Scope, op: fixed.Pad) -> None:
    function, x, y = scope.function, scope.operand(0), scope.result()
    shape = x.type.shape
    with split(function, y.type.shape) as outer:
        places = [
            function.bind(place - index(before))
            for place, before in zip(outer, op.before, strict=True)
        ]
        to = flat(outer, y.type.shape)
        match op.mode:
            case PadMode.CONSTANT:
                inside = _inside(places, shape)
                dtype = dtype_of(x.type)
                padding = cast(dtype, constant(op.value).expression)
                value = tirx.if_then_else(inside, load(x.buffer, flat(places, shape)), padding)
                function.store(y.buffer, to, value)
            case PadMode.EDGE:
                near = [
                    tirx.max(tirx.min(place, index(extent - 1)), index(0))
                    for place, extent in zip(places, shape, strict=True)
                ]
                function.store(y.buffer, to, load(x.buffer, flat(near, shape)))
            case PadMode.REFLECT:
                images = [
                    _mirrored(function, place, extent)
                    for place, extent in zip(places, shape, strict=True)
                ]
                function.store(y.buffer, to, load(x.buffer, flat(images, shape)))
            case PadMode.SYMMETRIC:
                inside_again = [
                    function.bind(_mirrored_with_edge(place, extent))
                    for place, extent in zip(places, shape, strict=True)
                ]
                function.store(y.buffer, to, load(x.buffer, flat(inside_again, shape)))
            case _:
                assert_never(op.mode)


def _inside(places: Sequence[Expression], shape: Sequence[int]) -> Expression:
    inside = tirx.IntImm("bool", 1)
    for place, extent in zip(places, shape, strict=True):
        inside = tirx.And(inside, tirx.And(place >= index(0), place < index(extent)))
    return inside


def _mirrored_with_edge(place: Expression, extent: int) -> Expression:
    """The image of a place that is at most ``extent`` beyond an end."""
    folded = tirx.max(place, index(-1) - place)
    return tirx.min(folded, index(2 * extent - 1) - folded)


def _mirrored(function: Function, place: Expression, extent: int) -> Expression:
    """The index that ``place`` is an image of when both ends are mirrors, again and again."""
    period = index(max(2 * (extent - 1), 1))
    # The image of -place is that of place, which is no longer negative.
    distance = tirx.max(place, index(0) - place)
    rest = function.bind(tirx.truncmod(distance, period))
    return function.bind(tirx.min(rest, period - rest))
