# SPDX-License-Identifier: Apache-2.0
"""Convolutions, products and reductions for any machine and any width: one term after another."""

from dataclasses import replace
from math import prod

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, flat, nest, split
from intaglio.compiler.targets.tvm.kernels.sums import new_sum, summed
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant, word_of
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval


def table(scope: Scope, array: Array, zero_points: Array) -> Tensor:
    """Constant weights without their zero points, in the narrowest type."""
    centred = array.astype(object) - zero_points.astype(object)
    interval = Interval(int(centred.min()), int(centred.max()))
    type = replace(scope.node.type, element=IntType(max(8, _width(interval)), True))
    buffer = scope.function.table(centred.astype(type.integer.dtype))
    return Tensor(scope.function, buffer, type.with_shape(array.shape), interval)


def _width(interval: Interval) -> int:
    return min(interval.signed_bits, 64)


def conv2d(scope: Scope, op: fixed.Conv2d) -> None:
    """``Conv2d``: terms by kernel row, kernel column, input channel."""
    function, shape = scope.function, scope.node.type.shape
    x, weights, bias = scope.operand(0), _weights(scope, op.weight_zero_points), _bias(scope)
    _, rows, columns, channels = x.type.shape
    outputs, kernel_rows, kernel_columns, depth = weights.type.shape
    y, total = scope.result(), new_sum(scope, op, kernel_rows * kernel_columns * depth)
    zero = constant(op.input_zero_point)
    padding = constant(op.pad_value)
    with split(function, shape) as (n, i, j, o):
        at = scope.channels(o)
        weight_zero = _weight_zero(scope, at, op.weight_zero_points)
        group = tirx.truncdiv(o, index(outputs // op.groups)) * index(depth)

        def add_terms() -> None:
            with nest(function, (kernel_rows, kernel_columns)) as (r, s):
                row = function.bind(_place(i, op.strides[0], r, op.dilations[0], op.pads[0]))
                column = function.bind(_place(j, op.strides[1], s, op.dilations[1], op.pads[1]))
                inside = function.bind(tirx.And(_within(row, rows), _within(column, columns)))
                pixel = function.bind(flat([n, row, column, group], (0, rows, columns, channels)))
                with nest(function, (depth,)) as (c,):
                    value = _padded(x, pixel + c, padding, inside, any(op.pads))
                    weight = weights.load(flat([o, r, s, c], weights.type.shape))
                    total.add((value - zero) * (weight - weight_zero))

        found = summed(total, at, _bias_at(bias, o), add_terms)
        y.store(flat([n, i, j, o], shape), scope.follow(at, found))


def _place(output: Expression, stride: int, tap: Expression, dilation: int, pad: int) -> Expression:
    return output * index(stride) + tap * index(dilation) - index(pad)


def _within(place: Expression, extent: int) -> Expression:
    return tirx.And(place >= index(0), place < index(extent))


def _padded(x: Tensor, at: Expression, padding: Number, inside: Expression, padded: bool) -> Number:
    if not padded:
        return x.load(at)
    interval = x.interval | padding.interval
    bits = word_of(interval)
    loaded = tirx.Cast(f"int{bits}", load(x.buffer, at))
    # Lazy: nothing is read beside the plane.
    value = tirx.if_then_else(inside, loaded, padding.word(bits))
    return Number(x.function.bind(value), interval, bits)


def _weights(scope: Scope, zero_points: tuple[int, ...]) -> Tensor:
    """``[O, kh, kw, C]`` without their zero points where they are constant, else as they are."""
    array = scope.constant(1)
    if array is None:
        return scope.operand(1)
    return table(scope, array, np.array(zero_points, dtype=object).reshape(-1, 1, 1, 1))


def _weight_zero(scope: Scope, at: Channels, zero_points: tuple[int, ...]) -> Number:
    """What has yet to be subtracted from a weight of a channel."""
    return constant(0) if scope.constant(1) is not None else at.number(zero_points)


def _bias(scope: Scope) -> Tensor | None:
    array = scope.constant(2)
    if array is not None:
        return table(scope, array, np.zeros(1, dtype=np.int64))
    return scope.operand(2) if len(scope.node.operands) > 2 else None


def _bias_at(bias: Tensor | None, channel: Expression) -> Number | None:
    return None if bias is None else bias.load(channel)


def conv_transpose2d(scope: Scope, op: fixed.ConvTranspose2d) -> None:
    """``ConvTranspose2d``: for each output the inputs that reach it."""
    function, shape = scope.function, scope.node.type.shape
    x, weights, bias = scope.operand(0), _weights(scope, op.weight_zero_points), _bias(scope)
    _, rows, columns, channels = x.type.shape
    outputs, kernel_rows, kernel_columns, depth = weights.type.shape
    y, total = scope.result(), new_sum(scope, op, kernel_rows * kernel_columns * depth)
    zero = constant(op.input_zero_point)
    with split(function, shape) as (n, p, q, o):
        at = scope.channels(o)
        weight_zero = _weight_zero(scope, at, op.weight_zero_points)
        group = tirx.truncdiv(o, index(outputs // op.groups)) * index(depth)

        def source(
            output: Expression, axis: int, tap: Expression, extent: int
        ) -> tuple[Expression, Expression]:
            moved = output + index(op.pads[axis]) - tap * index(op.dilations[axis])
            moved = function.bind(moved)
            stride = index(op.strides[axis])
            # Cut toward zero: what lies before the plane must not become its first place.
            place = function.bind(tirx.truncdiv(moved, stride))
            on_grid = tirx.And(moved >= index(0), tirx.EQ(place * stride, moved))
            reached = tirx.And(on_grid, _within(place, extent))
            return place, function.bind(reached)

        def add_terms() -> None:
            with nest(function, (kernel_rows, kernel_columns)) as (r, s):
                row, row_reached = source(p, 0, r, rows)
                column, column_reached = source(q, 1, s, columns)
                reached = function.bind(tirx.And(row_reached, column_reached))
                pixel = flat([n, row, column, group], (0, rows, columns, channels))
                if total.counts_terms:
                    # A tap that meets nothing has its place in a partial sum.
                    with nest(function, (depth,)) as (c,):
                        value = _padded(x, pixel + c, zero, reached, True)
                        weight = weights.load(flat([o, r, s, c], weights.type.shape))
                        total.add((value - zero) * (weight - weight_zero))
                else:
                    with function.when(reached), nest(function, (depth,)) as (c,):
                        value = x.load(pixel + c)
                        weight = weights.load(flat([o, r, s, c], weights.type.shape))
                        total.add((value - zero) * (weight - weight_zero))

        found = summed(total, at, _bias_at(bias, o), add_terms)
        y.store(flat([n, p, q, o], shape), scope.follow(at, found))


def matmul(scope: Scope, op: fixed.MatMul) -> None:
    """``MatMul``: a row of the left matrix with a column of the right one."""
    function = scope.function
    a, constant_b = scope.operand(0), scope.constant(1)
    zeros = np.array(op.right_zero_points, dtype=object)
    b = scope.operand(1) if constant_b is None else table(scope, constant_b, zeros)
    depth, width = b.type.shape[-2:]
    bias, y, total = _bias(scope), scope.result(), new_sum(scope, op, depth)
    shared = b.type.rank == 2
    matrices = 1 if shared else b.type.size // (depth * width)
    rows = a.type.size // (depth * matrices)
    left_zero = constant(op.left_zero_point)
    with split(function, (matrices, rows, width)) as (matrix, m, n):
        at = scope.channels(n)
        right_zero = at.number(op.right_zero_points) if constant_b is None else constant(0)

        def add_terms() -> None:
            with nest(function, (depth,)) as (k,):
                left = a.load(flat([matrix, m, k], (0, rows, depth))) - left_zero
                right = b.load(flat([matrix, k, n], (0, depth, width))) - right_zero
                total.add(left * right)

        found = summed(total, at, _bias_at(bias, n), add_terms)
        y.store(flat([matrix, m, n], (0, rows, width)), scope.follow(at, found))


def reduce_sum(scope: Scope, op: fixed.ReduceSum) -> None:
    """``ReduceSum``: the reduced axes in row-major order."""
    function = scope.function
    shape = scope.graph.operand_types(scope.node)[0].shape
    terms = prod(shape[axis] for axis in op.axes)
    x, y, total = scope.operand(0), scope.result(), new_sum(scope, op, terms)
    kept = [axis for axis in range(len(shape)) if axis not in op.axes]
    zero = constant(op.input_zero_point)
    with split(function, [shape[axis] for axis in kept]) as outer:
        at = scope.channels(_last(scope, op, kept, outer))

        def add_terms() -> None:
            with nest(function, [shape[axis] for axis in op.axes]) as inner:
                places = dict(zip([*kept, *op.axes], [*outer, *inner], strict=True))
                place = flat([places[axis] for axis in range(len(shape))], shape)
                total.add(x.load(place) - zero)

        found = summed(total, at, None, add_terms)
        y.store(flat(outer, [shape[axis] for axis in kept]), scope.follow(at, found))


def _last(
    scope: Scope, op: fixed.ReduceSum, kept: list[int], outer: list[Expression]
) -> Expression:
    """The place along the result's last axis, which is the channel of what follows."""
    rank = len(kept) + len(op.axes)
    reduced_last = op.keep_dimensions and rank - 1 in op.axes
    return index(0) if reduced_last or not outer else outer[-1]
