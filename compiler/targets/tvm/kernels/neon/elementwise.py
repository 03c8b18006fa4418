# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops, a register of neighbouring elements at a time."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Function, Kernel, cast, index, load
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.codes import LANES
from intaglio.compiler.targets.tvm.kernels.neon.sums import LinearSum, linear_sum
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, split
from intaglio.compiler.targets.tvm.kernels.vector import elementwise as vectors
from intaglio.compiler.targets.tvm.kernels.vector.unit import Unit
from intaglio.compiler.targets.tvm.library import Expression, tirx

_BYTES = 16
_UNROLLED = 4
_EIGHT = Unit("neon", 8, 0, instructions.dot)
"""For expressions, of which LLVM makes what it can."""


def elementwise(scope: Scope, op: vectors.ElementwiseOp) -> Kernel | None:
    """The kernel of an op without broadcasting, None where this form doesn't serve it."""
    if isinstance(op, fixed.Pairwise) and not scope.followers:
        found = _sum(scope, op)
        if found is not None:
            return found
    return vectors.elementwise(scope.anew(), op, _EIGHT)


def _sum(scope: Scope, op: fixed.Pairwise) -> Kernel | None:
    first, second = scope.graph.operand_types(scope.node)
    shape, size = scope.node.type.shape, scope.node.type.size
    if first.shape != shape or second.shape != shape or scope.node.type.integer.bits > 8:
        return None
    widths = [_BYTES * count for count in (_UNROLLED, 2, 1) if _BYTES * count <= size]
    if scope.in_place is not None:
        # The last turn would read what the one before has written.
        widths = [width for width in widths if size % width == 0]
    form = linear_sum(op.arithmetic, first.integer, second.integer) if widths else None
    if form is None:
        return None
    width = widths[0]
    operands = (scope.operand(0), scope.operand(1))
    y = scope.result()
    kernel = _Sum(scope.function, form, operands, y)
    with split(scope.function, (-(-size // width),)) as (turn,):
        last = index(size - width)
        start = scope.function.bind(tirx.min(turn * index(width), last))
        results = [kernel.of(start + index(byte)) for byte in range(0, width, _BYTES)]
        for number, result in enumerate(results):
            dtype = f"{y.buffer.dtype}x{_BYTES}"
            place = start + index(number * _BYTES)
            scope.function.store(y.buffer, place, tirx.reinterpret(dtype, result), _BYTES)
    return scope.function.finish("neon sum")


@dataclass(frozen=True, slots=True)
class _Sum:
    """Sixteen sums at a time."""

    function: Function
    form: LinearSum
    operands: tuple[Tensor, Tensor]
    y: Tensor

    def of(self, start: Expression) -> Expression:
        """The codes from an offset on, as bytes."""
        loaded = [
            self.function.bind(load(operand.buffer, start, _BYTES)) for operand in self.operands
        ]
        halves = [self._eight(loaded, half) for half in (0, 1)]
        both = instructions.joined(*halves)
        form, signed = self.form, self.y.type.integer.signed
        if self._unsigned_first and form.zero_point:
            both = both + tirx.Broadcast(tirx.IntImm("int8", form.zero_point), _BYTES)
        return self.function.bind(_clamped(both, form, signed))

    @property
    def _unsigned_first(self) -> bool:
        """Whether the codes above the zero point are just those of an unsigned byte."""
        return self.form.zero_point == (-128 if self.y.type.integer.signed else 0)

    def _eight(self, loaded: list[Expression], half: int) -> Expression:
        centred = [self._centred(number, value, half) for number, value in enumerate(loaded)]
        form = self.form
        high: list[Expression] = []
        for part in (0, 1):
            places = range(LANES * part, LANES * (part + 1))
            first, second = (
                cast("int32x4", instructions.shuffled([value], places)) * _broadcast(factor)
                for value, factor in zip(centred, form.factors, strict=True)
            )
            total = first + second
            if form.constant:
                total = total + _broadcast(form.constant)
            high.append(tirx.reinterpret("int16x8", self.function.bind(total)))
        words = self.function.bind(instructions.shuffled(high, range(1, 16, 2)))
        right = form.shift - 16
        signed = self.y.type.integer.signed
        if self._unsigned_first:
            return instructions.narrowed_shifted_bytes(words, right, signed=False)
        if form.zero_point:
            zero = tirx.IntImm("int16", form.zero_point << right)
            words = instructions.saturating_add(words, tirx.Broadcast(zero, 8))
        return instructions.narrowed_shifted_bytes(words, right, signed)

    def _centred(self, number: int, value: Expression, half: int) -> Expression:
        """Eight codes less their zero point, as int16."""
        eight = instructions.shuffled([value], range(8 * half, 8 * (half + 1)))
        words = cast("int16x8", eight)
        zero = self.form.zeros[number]
        dtype = self.operands[number].type.integer.dtype
        if zero and np.iinfo(dtype).min <= zero <= np.iinfo(dtype).max:
            # From memory, so that one instruction widens and subtracts.
            table = self.function.table(np.full(8, zero, dtype=dtype))
            words = words - cast("int16x8", load(table, index(0), 8))
        elif zero:
            words = words - tirx.Broadcast(tirx.IntImm("int16", zero), 8)
        return self.function.bind(words)


def _broadcast(value: int) -> Expression:
    return tirx.Broadcast(index(value), LANES)


def _clamped(codes: Expression, form: LinearSum, signed: bool) -> Expression:
    dtype = "int8" if signed else "uint8"
    least, most = (-128, 127) if signed else (0, 255)
    codes = tirx.reinterpret(f"{dtype}x{_BYTES}", codes)
    if form.low > least:
        codes = tirx.max(codes, tirx.Broadcast(tirx.IntImm(dtype, form.low), _BYTES))
    if form.high < most:
        codes = tirx.min(codes, tirx.Broadcast(tirx.IntImm(dtype, form.high), _BYTES))
    return codes
