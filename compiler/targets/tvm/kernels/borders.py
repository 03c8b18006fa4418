# SPDX-License-Identifier: Apache-2.0
"""Where float32 becomes codes."""

from fractions import Fraction
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions import floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped
from intaglio.compiler.targets.tvm.kernels.scope import Scope, elements
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import INFINITY
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.quantize_method import QuantizeMethod


def quantize(scope: Scope, op: fixed.Quantize) -> None:
    """``Quantize``; the input holds no NaN."""
    x, y = scope.operand(0), scope.result()
    with elements(scope, y.type) as (place, channel):
        at = scope.channels(channel)
        code = quantized(at, op, scope.node.type.integer, x.load_float(place))
        y.store(place, scope.follow(at, code))


def float32_order(scope: Scope) -> None:
    """``Float32Order``; the input holds no NaN."""
    x, y = scope.operand(0), scope.result()
    with elements(scope, y.type) as (place, channel):
        at = scope.channels(channel)
        bits = at.function.bind(tirx.reinterpret("int32", x.load_float(place)))
        magnitude = tirx.bitwise_and(bits, tirx.IntImm("int32", 0x7FFFFFFF))
        negative = bits < tirx.IntImm("int32", 0)
        order = at.function.bind(tirx.Select(negative, tirx.IntImm("int32", 0) - magnitude, bits))
        y.store(place, scope.follow(at, Number(order, Interval(-INFINITY, INFINITY), 32)))


def quantized(at: Channels, op: fixed.Quantize, type: IntType, value: Expression) -> Number:
    """The code of a float32 that isn't NaN."""
    match op.method:
        case QuantizeMethod.DIVIDE:
            scaled = value / at.float32([op.scale])
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            reciprocal = float32.divide(Float32.from_integer(1), op.scale)
            scaled = floating.alone(value * at.float32([reciprocal]))
        case _:
            assert_never(op.method)
    scaled = at.function.bind(scaled)
    integral = floating.round_to_integral(at, scaled, "float32", op.rounding)
    needed = type.interval - Interval(op.zero_point, op.zero_point)
    # Infinities and quotients beyond any integer stay beyond the same end of the type.
    rounded = floating.to_number(at, integral, "float32", Fraction(2**200), needed)
    moved = rounded + at.constant(op.zero_point)
    return clamped(at, [type.minimum], [type.maximum], moved)
