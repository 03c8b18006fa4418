# SPDX-License-Identifier: Apache-2.0
"""Pools, eight or sixteen channels at a time."""

from collections.abc import Callable

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.expressions.requantizers import requantized
from intaglio.compiler.targets.tvm.function import Kernel, cast, index, load
from intaglio.compiler.targets.tvm.kernels.neon import codes as encoding
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.codes import LANES
from intaglio.compiler.targets.tvm.kernels.neon.staircase import staircase
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, flat, nest, split
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer

Pool = fixed.MaxPool2d | fixed.AveragePool2d

_EIGHT = 2 * LANES
_UNROLLED = 16
"""The most columns of a window that are written out."""


def max_pool(scope: Scope, op: fixed.MaxPool2d) -> Kernel | None:
    """The kernel of ``MaxPool2d`` over bytes, None where this form doesn't serve it."""
    x_type = scope.graph.operand_types(scope.node)[0]
    lanes = next((n for n in (16, 8) if n <= x_type.shape[-1]), 0)
    if x_type.integer.bits > 8 or not lanes:
        return None
    try:
        return _max_pool(scope, op, lanes)
    except ScalarOnly:
        return None


def _max_pool(scope: Scope, op: fixed.MaxPool2d, lanes: int) -> Kernel:
    function, x, y = scope.function, scope.operand(0), scope.result()
    dtype = str(x.buffer.dtype)
    cell = function.local(dtype, lanes)
    blocks = Blocks(x.type.shape[-1], lanes)
    least = tirx.Broadcast(tirx.IntImm(dtype, x.type.integer.minimum), lanes)
    with split(function, (*y.type.shape[:-1], blocks.count)) as (n, i, j, block):
        channel = blocks.start(Channels(function, index(0)), block)
        function.store(cell, index(0), least, lanes)

        def add(at: Expression) -> None:
            larger = tirx.max(load(cell, index(0), lanes), load(x.buffer, at, lanes))
            function.store(cell, index(0), larger, lanes)

        _windows(scope, op, op.dilations, x, (n, i, j, channel), add)
        to = function.bind(flat([n, i, j, channel], y.type.shape))
        found = function.bind(load(cell, index(0), lanes))
        if not scope.followers:
            named = f"{y.buffer.dtype}x{lanes}"
            function.store(y.buffer, to, tirx.reinterpret(named, found), lanes)
        else:
            wide = Number(function.bind(cast(f"int32x{lanes}", found)), x.interval, 32, lanes)
            y.store(to, scope.follow(scope.channels(channel, lanes), wide))
    return function.finish("neon pool")


def average_pool(scope: Scope, op: fixed.AveragePool2d) -> Kernel | None:
    """The kernel of ``AveragePool2d`` with one divisor, None where this form doesn't serve it."""
    x_type = scope.graph.operand_types(scope.node)[0]
    if not isinstance(op.arithmetic, fixed.RequantizedSum):
        return None
    if x_type.integer.bits > 8 or x_type.shape[-1] < _EIGHT:
        return None
    count = _count(scope, op)
    if not count:
        return None
    try:
        return _average_pool(scope, op, op.arithmetic.by_count[count - 1], op.arithmetic)
    except ScalarOnly:
        return None


def _count(scope: Scope, op: fixed.AveragePool2d) -> int | None:
    """The divisor of every window, None where they differ."""
    shape = scope.graph.operand_types(scope.node)[0].shape
    found = 1
    for axis in (0, 1):
        before, after = (op.pads[axis], op.pads[axis + 2]) if op.count_padding else (0, 0)
        reach = range(-before, shape[1 + axis] + after)
        counts = {
            sum(
                place * op.strides[axis] - op.pads[axis] + tap in reach
                for tap in range(op.kernel[axis])
            )
            for place in range(scope.node.type.shape[1 + axis])
        }
        if len(counts) > 1:
            return None
        found *= counts.pop()
    return found


def _average_pool(
    scope: Scope, op: fixed.AveragePool2d, requantizer: Requantizer, sum: fixed.RequantizedSum
) -> Kernel | None:
    function, x, y = scope.function, scope.operand(0), scope.result()
    type = x.type.integer
    taps = op.kernel[0] * op.kernel[1]
    # Codes are summed as they are; the zero point of those on the plane is taken off at the end.
    raw = (type.interval | Interval(0, 0)).scale_by(taps)
    centred = type.interval - Interval(sum.input_zero_point, sum.input_zero_point)
    total = (centred | Interval(0, 0)).scale_by(taps)
    bits = 16 if IntType(16, signed=True).interval.contains(raw) else 32
    inside = _inside(scope, op)
    if inside is None:
        return None
    cell = function.local(f"int{bits}", _EIGHT)
    blocks = Blocks(x.type.shape[-1], _EIGHT)
    zero = tirx.Broadcast(tirx.IntImm(f"int{bits}", 0), _EIGHT)
    steps = staircase([requantizer], [total]) if not scope.followers else None
    with split(function, (*y.type.shape[:-1], blocks.count)) as (n, i, j, block):
        channel = blocks.start(Channels(function, index(0)), block)
        function.store(cell, index(0), zero, _EIGHT)

        def add(at: Expression) -> None:
            term = cast(f"int{bits}x{_EIGHT}", load(x.buffer, at, _EIGHT))
            function.store(cell, index(0), load(cell, index(0), _EIGHT) + term, _EIGHT)

        _windows(scope, op, (1, 1), x, (n, i, j, channel), add)
        to = function.bind(flat([n, i, j, channel], y.type.shape))
        wide = cast(f"int32x{_EIGHT}", load(cell, index(0), _EIGHT))
        offset = tirx.Broadcast(index(inside * sum.input_zero_point), _EIGHT)
        wide = function.bind(wide - offset)
        if steps is not None and y.type.integer.bits <= 8:
            signed = str(y.buffer.dtype) == "int8"
            short = encoding.codes(function, steps, signed, [0], lambda values: values)
            halves = [
                instructions.shuffled([wide], range(LANES * half, LANES * (half + 1)))
                for half in (0, 1)
            ]
            found = short.narrowed(halves, short.registers(index(0), 2), 0)
            dtype = f"{y.buffer.dtype}x{_EIGHT}"
            function.store(y.buffer, to, tirx.reinterpret(dtype, found), _EIGHT)
        else:
            at = Channels(function, index(0), _EIGHT)
            mean = requantized(at, [requantizer], Number(wide, total, 32, _EIGHT))
            y.store(to, scope.follow(scope.channels(channel, _EIGHT), mean))
    return function.finish("neon pool")


def _inside(scope: Scope, op: fixed.AveragePool2d) -> int | None:
    """How many places of every window lie on the plane, None where that differs."""
    shape = scope.graph.operand_types(scope.node)[0].shape
    found = 1
    for axis in (0, 1):
        counts = {
            sum(
                0 <= place * op.strides[axis] - op.pads[axis] + tap < shape[1 + axis]
                for tap in range(op.kernel[axis])
            )
            for place in range(scope.node.type.shape[1 + axis])
        }
        if len(counts) > 1:
            return None
        found *= counts.pop()
    return found


def _windows(
    scope: Scope,
    op: Pool,
    dilations: tuple[int, int],
    x: Tensor,
    places: tuple[Expression, Expression, Expression, Expression],
    add: Callable[[Expression], None],
) -> None:
    """Call ``add`` for the offset of each place of a window that lies on the plane."""
    function = scope.function
    n, i, j, channel = places
    _, rows, columns, channels = x.type.shape

    def tap(r: Expression, s: Expression) -> None:
        row = i * index(op.strides[0]) + r * index(dilations[0]) - index(op.pads[0])
        column = j * index(op.strides[1]) + s * index(dilations[1]) - index(op.pads[1])
        at = ((n * index(rows) + row) * index(columns) + column) * index(channels) + channel
        if not any(op.pads):
            add(at)
            return
        row, column = function.bind(row), function.bind(column)
        inside = tirx.And(
            tirx.And(row >= index(0), row < index(rows)),
            tirx.And(column >= index(0), column < index(columns)),
        )
        with function.when(inside):
            at = ((n * index(rows) + row) * index(columns) + column) * index(channels) + channel
            add(at)

    if any(op.pads) or op.kernel[1] > _UNROLLED:
        with nest(function, op.kernel) as (r, s):
            tap(r, s)
        return
    with nest(function, op.kernel[:1]) as (r,):
        for s in range(op.kernel[1]):
            tap(r, index(s))
