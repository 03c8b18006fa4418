# SPDX-License-Identifier: Apache-2.0
"""The integer softmax algorithms for any machine: a line at a time."""

from fractions import Fraction
from typing import assert_never

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions import floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.fixed_point import (
    exp_of_negative,
    reciprocal_of_one_plus,
    shift_away,
)
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped
from intaglio.compiler.targets.tvm.expressions.rounding import divide
from intaglio.compiler.targets.tvm.expressions.scalings import INT32, high_multiply
from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, flat, split, strides_of
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant, word_of
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval


class Line:
    """The elements along one line of x, and the cell that holds the largest of them."""

    def __init__(self, scope: Scope, x: Tensor, axis: int, first: Expression) -> None:
        """Find the largest."""
        self.scope, self.x, self.first = scope, x, first
        self.step, self.length = strides_of(x.type.shape)[axis], x.type.shape[axis]
        function = scope.function
        bits = word_of(x.interval)
        cell = function.local(f"int{bits}", 1)
        function.store(cell, index(0), constant(x.interval.low).word(bits))
        with function.loop(self.length) as k:
            kept = load(cell, index(0))
            function.store(cell, index(0), tirx.max(kept, x.load(self.place(k)).word(bits)))
        self.largest = Number(function.bind(load(cell, index(0))), x.interval, bits)

    def place(self, k: Expression) -> Expression:
        """The offset of element k of the line."""
        return self.first + k * index(self.step)

    def distance(self, k: Expression) -> Number:
        """How far element k is below the largest."""
        found = self.largest - self.x.load(self.place(k))
        return found.within(Interval(0, self.x.interval.width))


def softmax(scope: Scope, op: fixed.Softmax) -> None:
    """``Softmax``."""
    x, y = scope.operand(0), scope.result()
    shape = x.type.shape
    with split(scope.function, [1 if a == op.axis else n for a, n in enumerate(shape)]) as places:
        line = Line(scope, x, op.axis, scope.function.bind(flat(places, shape)))
        match op.algorithm:
            case fixed.FixedPointSoftmax():
                _fixed_point(scope, op.algorithm, line, y)
            case fixed.IntegerTableSoftmax():
                _integer_table(scope, op.algorithm, line, y)
            case fixed.Float32TableSoftmax():
                _float32_table(scope, op.algorithm, line, y)
            case _:
                assert_never(op.algorithm)


def _cell(function: Function, dtype: str, first: Expression) -> Buffer:
    cell = function.local(dtype, 1)
    function.store(cell, index(0), first)
    return cell


def _add_to(function: Function, cell: Buffer, term: Expression) -> None:
    function.store(cell, index(0), load(cell, index(0)) + term)


def _fixed_point(scope: Scope, algorithm: fixed.FixedPointSoftmax, line: Line, y: Tensor) -> None:
    function, at = scope.function, scope.channels(index(0))
    total = _cell(function, "int64", constant(0).word(64))

    def exponential(k: Expression) -> tuple[Number, Expression]:
        difference = at.once(-line.distance(k))
        counts = function.bind(difference.less(constant(algorithm.difference_minimum)))
        shifted = (difference * constant(1 << algorithm.left_shift)).wrap(INT32)
        scaled = high_multiply(at, at.once(shifted), constant(algorithm.multiplier))
        # A wrapped difference belongs to an element that doesn't count.
        negative = at.once(scaled.minimum(constant(0)))
        return exp_of_negative(at, negative, 5), tirx.Not(counts)

    with function.loop(line.length) as k:
        e, counts = exponential(k)
        with function.when(counts):
            _add_to(function, total, shift_away(at, e, 12).word(64))
    bound = Interval(0, line.length << 20)
    wrapped = Number(function.bind(load(total, index(0))), bound, 64).wrap(IntType(32, False))
    found = at.once(wrapped.maximum(constant(1)))
    zeros = floating.leading_zeros(found.word(64)) - index(32)
    headroom = at.once(Number(zeros, Interval(0, 32), 32))
    moved = tirx.shift_left(found.word(64), headroom.word(64))
    above = Number(moved - constant(1 << 31).word(64), Interval(0, INT32.maximum), 64)
    reciprocal = reciprocal_of_one_plus(at, at.once(above))
    excess = constant(12 + 31 - algorithm.result_bits) - headroom
    shift = at.once(excess.maximum(constant(1)))
    with function.loop(line.length) as k:
        e, counts = exponential(k)
        product = high_multiply(at, reciprocal, e)
        code = _shift_away_by(at, product, shift) + constant(algorithm.low)
        code = clamped(at, [algorithm.low], [algorithm.high], code)
        low = constant(algorithm.low)
        value = tirx.Select(counts, code.word(64), low.word(64))
        y.store(line.place(k), Number(value, Interval(algorithm.low, algorithm.high), 64))


def _shift_away_by(at: Channels, x: Number, shift: Number) -> Number:
    """``round(x / 2**shift)``, halves away from zero, for a computed shift of at least 1."""
    one = constant(1).word(64)
    below = tirx.shift_left(one, shift.word(64) - one)
    half = Number(below, Interval(1, 1 << (shift.interval.high - 1)), 64)
    away = tirx.Select(x.negative(), one, constant(0).word(64))
    return (x + half - Number(away, Interval(0, 1), 64)) >> shift


def _integer_table(
    scope: Scope, algorithm: fixed.IntegerTableSoftmax, line: Line, y: Tensor
) -> None:
    function, at = scope.function, scope.channels(index(0))
    reach = line.x.interval.width + 1
    entries = (*algorithm.table, *[0] * reach)[:reach]

    def entry(k: Expression) -> Number:
        return Channels(function, line.distance(k).word(32)).number(entries)

    most = line.length * max(entries)
    bits = word_of(Interval(0, most))
    total = _cell(function, f"int{bits}", constant(0).word(bits))
    with function.loop(line.length) as k:
        _add_to(function, total, entry(k).word(bits))
    found = Number(
        function.bind(load(total, index(0))), Interval(max(entries[0], 1), max(most, 1)), bits
    )
    divisor = at.once(found * constant(algorithm.denominator))
    with function.loop(line.length) as k:
        numerator = entry(k) * constant(algorithm.numerator)
        code = divide(at, numerator, divisor, algorithm.rounding)
        code += constant(algorithm.zero_point)
        y.store(line.place(k), clamped(at, [algorithm.low], [algorithm.high], code))


def _float32_table(
    scope: Scope, algorithm: fixed.Float32TableSoftmax, line: Line, y: Tensor
) -> None:
    function, at = scope.function, scope.channels(index(0))
    reach = line.x.interval.width + 1
    bits = [entry.bits for entry in algorithm.table]
    patterns = np.array([*bits, *[0] * reach][:reach], dtype=np.uint32)
    table = function.table(patterns.view(np.float32))
    zero = tirx.FloatImm("float32", 0.0)
    total = _cell(function, "float32", zero)
    with function.loop(line.length) as k:
        _add_to(function, total, load(table, line.distance(k).word(32)))
    found = function.bind(load(total, index(0)))
    factor = at.float32([algorithm.factor])
    one = tirx.FloatImm("float32", 1.0)
    reciprocal = function.bind(one / function.bind(floating.alone(found * factor)))
    needed = Interval(algorithm.low - algorithm.zero_point, algorithm.high - algorithm.zero_point)
    with function.loop(line.length) as k:
        e = load(table, line.distance(k).word(32))
        match algorithm.normalization:
            case fixed.SoftmaxNormalization.SCALED_NUMERATOR:
                value = function.bind(floating.alone(e * factor)) / found
            case fixed.SoftmaxNormalization.RECIPROCAL_SUM:
                value = floating.alone(e * reciprocal)
            case _:
                assert_never(algorithm.normalization)
        value = function.bind(value)
        integral = floating.round_to_integral(at, value, "float32", algorithm.rounding)
        code = floating.to_number(at, integral, "float32", Fraction(2**200), needed)
        code += constant(algorithm.zero_point)
        y.store(line.place(k), clamped(at, [algorithm.low], [algorithm.high], code))
