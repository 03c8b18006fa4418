# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops, a vector of neighbouring elements at a time."""

from collections.abc import Callable

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import Kernel, index
from intaglio.compiler.targets.tvm.kernels.borders import quantized
from intaglio.compiler.targets.tvm.kernels.elementwise import PairOp, combined
from intaglio.compiler.targets.tvm.kernels.scope import Scope, followed, split
from intaglio.compiler.targets.tvm.kernels.vector.unit import Unit
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number

Compute = Callable[[Channels, Expression], Number]
"""A vector of elements from an offset on."""

ElementwiseOp = fixed.Requantize | fixed.Clamp | fixed.Cast | fixed.Quantize | PairOp


def elementwise(scope: Scope, op: ElementwiseOp, unit: Unit) -> Kernel | None:
    """The kernel of an op without broadcasting, None where this form doesn't serve it."""
    shapes = {type.shape for type in scope.graph.operand_types(scope.node)}
    shape = scope.node.type.shape
    if shapes != {shape}:
        return None
    if not _by_channel(scope):
        rows, channels = 1, scope.node.type.size
    elif shape:
        rows, channels = scope.node.type.size // shape[-1], shape[-1]
    else:
        return None
    if channels < unit.lanes:
        return None
    if scope.in_place is not None and channels % unit.lanes:
        # The last vector would read what the one before has written.
        return None
    try:
        _loops(scope, op, unit, rows, channels)
    except ScalarOnly:
        return None
    return scope.function.finish(f"{unit.name} elementwise")


def _by_channel(scope: Scope) -> bool:
    """Whether the last axis matters."""
    ops = [node.op for node in (scope.node, *scope.followers)]
    return any(
        (isinstance(op, fixed.Requantize) and len(op.requantizers) > 1)
        or (isinstance(op, fixed.Clamp) and max(len(op.low), len(op.high)) > 1)
        for op in ops
    )


def _loops(scope: Scope, op: ElementwiseOp, unit: Unit, rows: int, channels: int) -> None:
    function = scope.function
    compute = _compute(scope, op)
    y = scope.result()
    with split(function, (rows, -(-channels // unit.lanes))) as (row, block):
        # The last vector overlaps the one before.
        last = index(channels - unit.lanes)
        channel = function.bind(tirx.min(block * index(unit.lanes), last))
        place = function.bind(row * index(channels) + channel)
        at = scope.channels(channel, unit.lanes)
        y.store(place, scope.follow(at, compute(at, place)))


def _compute(scope: Scope, op: ElementwiseOp) -> Compute:
    x = scope.operand(0)
    match op:
        case fixed.Quantize():
            type = scope.node.type.integer
            return lambda at, place: quantized(at, op, type, x.load_float(place, at.lanes))
        case fixed.Requantize() | fixed.Clamp() | fixed.Cast():
            return lambda at, place: followed(at, scope.node, x.load(place, at.lanes))
        case _:
            other = scope.operand(1)
            return lambda at, place: at.once(
                combined(at, op, x.load(place, at.lanes), other.load(place, at.lanes))
            )
