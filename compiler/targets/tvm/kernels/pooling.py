# SPDX-License-Identifier: Apache-2.0
"""Pools and interpolation for any machine and any width."""

from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions import floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped, requantized
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, flat, nest, split
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant, word_of
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding

Pool = fixed.MaxPool2d | fixed.AveragePool2d


@contextmanager
def _window(
    scope: Scope, op: Pool, dilations: tuple[int, int], x: Tensor, places: list[Expression]
) -> Generator[Number, None, None]:
    """Loop over the elements of x below the window of one output, rows first."""
    function = scope.function
    n, i, j, c = places
    _, rows, columns, channels = x.type.shape
    with nest(function, op.kernel) as (r, s):
        row = i * index(op.strides[0]) + r * index(dilations[0]) - index(op.pads[0])
        column = j * index(op.strides[1]) + s * index(dilations[1]) - index(op.pads[1])
        row, column = function.bind(row), function.bind(column)
        inside = tirx.And(
            tirx.And(row >= index(0), row < index(rows)),
            tirx.And(column >= index(0), column < index(columns)),
        )
        with function.when(inside):
            yield x.load(flat([n, row, column, c], (0, rows, columns, channels)))


def max_pool2d(scope: Scope, op: fixed.MaxPool2d) -> None:
    """``MaxPool2d``."""
    function, x, y = scope.function, scope.operand(0), scope.result()
    bits = word_of(x.interval)
    largest = function.local(f"int{bits}", 1)
    with split(function, y.type.shape) as places:
        at = scope.channels(places[-1])
        function.store(largest, index(0), constant(x.interval.low).word(bits))
        with _window(scope, op, op.dilations, x, places) as value:
            kept = load(largest, index(0))
            function.store(largest, index(0), tirx.max(kept, value.word(bits)))
        found = Number(function.bind(load(largest, index(0))), x.interval, bits)
        y.store(flat(places, y.type.shape), scope.follow(at, found))


def average_pool2d(scope: Scope, op: fixed.AveragePool2d) -> None:
    """``AveragePool2d``."""
    x, y = scope.operand(0), scope.result()
    with split(scope.function, y.type.shape) as places:
        at = scope.channels(places[-1])
        count = _count(scope, op, x, places)
        match op.arithmetic:
            case fixed.RequantizedSum():
                found = _requantized_sum(scope, op, op.arithmetic, x, places, count)
            case fixed.Float32Average():
                found = _float32_average(scope, op, op.arithmetic, x, places, count)
            case _:
                assert_never(op.arithmetic)
        y.store(flat(places, y.type.shape), scope.follow(at, found))


def _count(scope: Scope, op: fixed.AveragePool2d, x: Tensor, places: list[Expression]) -> Number:
    """The divisor: the elements below the window, or its places on x with its padding."""
    counts: list[Number] = []
    for axis in (0, 1):
        before, after = (op.pads[axis], op.pads[axis + 2]) if op.count_padding else (0, 0)
        reach = range(-before, x.type.shape[1 + axis] + after)
        covered = [
            sum(
                place * op.strides[axis] - op.pads[axis] + tap in reach
                for tap in range(op.kernel[axis])
            )
            for place in range(scope.node.type.shape[1 + axis])
        ]
        counts.append(Channels(scope.function, places[1 + axis]).number(covered))
    return counts[0] * counts[1]


def _requantized_sum(
    scope: Scope,
    op: fixed.AveragePool2d,
    arithmetic: fixed.RequantizedSum,
    x: Tensor,
    places: list[Expression],
    count: Number,
) -> Number:
    function = scope.function
    centred = x.interval - Interval(arithmetic.input_zero_point, arithmetic.input_zero_point)
    total = (centred | Interval(0, 0)).scale_by(op.kernel[0] * op.kernel[1])
    bits = word_of(total)
    cell = function.local(f"int{bits}", 1)
    function.store(cell, index(0), constant(0).word(bits))
    with _window(scope, op, (1, 1), x, places) as value:
        term = value - constant(arithmetic.input_zero_point)
        function.store(cell, index(0), load(cell, index(0)) + term.word(bits))
    found = Number(function.bind(load(cell, index(0))), total, bits)
    # The divisor chooses the requantizer, as a channel does elsewhere.
    at = Channels(function, function.bind((count - constant(1)).word(32)))
    return requantized(at, arithmetic.by_count, found)


def _float32_average(
    scope: Scope,
    op: fixed.AveragePool2d,
    arithmetic: fixed.Float32Average,
    x: Tensor,
    places: list[Expression],
    count: Number,
) -> Number:
    function, at = scope.function, scope.channels(places[-1])
    cell = function.local("float32", 1)
    function.store(cell, index(0), tirx.FloatImm("float32", 0.0))
    with _window(scope, op, (1, 1), x, places) as value:
        centred = value - constant(arithmetic.input_zero_point)
        product = floating.from_number(at, centred, "float32") * at.float32(
            [arithmetic.input_scale]
        )
        function.store(cell, index(0), load(cell, index(0)) + floating.alone(product))
    mean = function.bind(load(cell, index(0)) / floating.from_number(at, count, "float32"))
    scaled = mean / at.float32([arithmetic.output_scale])
    zero_point = tirx.FloatImm("float32", float(arithmetic.output_zero_point))
    code = floating.round_to_integral(at, scaled + zero_point, "float32", Rounding.HALF_EVEN)
    low, high = arithmetic.low, arithmetic.high
    rounded = floating.to_number(at, code, "float32", Fraction(2**128), Interval(low, high))
    return clamped(at, [low], [high], rounded)


def resize_linear(scope: Scope, op: fixed.ResizeLinear) -> None:
    """``ResizeLinear``: two interpolations along rows, one of them along columns."""
    function, x, y = scope.function, scope.operand(0), scope.result()
    _, rows, columns, channels = x.type.shape
    with split(function, y.type.shape) as (n, i, j, c):
        down, across = Channels(function, i), Channels(function, j)
        low_rows = [down.number(op.rows_low), down.number(op.rows_high)]
        low_columns = [across.number(op.columns_low), across.number(op.columns_high)]
        along = across.number(op.column_weights)
        beside = constant(op.column_denominator) - along
        lines: list[Number] = []
        for row in low_rows:
            left, right = (
                x.load(flat([n, row.word(32), column.word(32), c], (0, rows, columns, channels)))
                for column in low_columns
            )
            lines.append(left * beside + right * along)
        under = down.number(op.row_weights)
        found = lines[0] * (constant(op.row_denominator) - under) + lines[1] * under
        at = scope.channels(c)
        y.store(flat([n, i, j, c], y.type.shape), scope.follow(at, at.once(found)))
