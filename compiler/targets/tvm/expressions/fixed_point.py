# SPDX-License-Identifier: Apache-2.0
"""The fixed-point exponential and reciprocal of TFLite's integer softmax as expressions.

Operation by operation the functions of ``intaglio.numerics.fixed_point_exp``.
"""

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.expressions.scalings import INT32, high_multiply
from intaglio.compiler.targets.tvm.library import tirx
from intaglio.compiler.targets.tvm.number import Number, select
from intaglio.numerics.fixed_point_exp import EXP_OF_MINUS_EIGHTH, EXP_OF_MINUS_POWERS
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding

_THIRD = 715827883
"""1/3 in Q0.31."""


def shift_away(at: Channels, x: Number, shift: int) -> Number:
    """``round(x / 2**shift)``, halves away from zero."""
    return shift_right(at, x, [shift], Rounding.HALF_AWAY_FROM_ZERO)


def exp_of_negative(at: Channels, a: Number, integer_bits: int) -> Number:
    """exp(a) in Q0.31 for ``a <= 0`` in Q(integer_bits).(31 - integer_bits)."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    a = at.once(a)
    low = _bits_below(a, quarter)
    rest = at.once(low - at.constant(quarter))
    result = _exp_between_minus_quarter_and_zero(at, _shift_left(at, rest, integer_bits))
    multiple = at.once(rest - a)
    for power, factor in EXP_OF_MINUS_POWERS:
        if integer_bits > power:
            chosen = (multiple >> at.constant(fraction_bits + power)).low_bit()
            product = high_multiply(at, result, at.constant(factor))
            result = at.once(select(chosen.equal(at.constant(1)), product, result))
    at_zero = at.constant(INT32.maximum)
    return at.once(select(a.equal(at.constant(0)), at_zero, result))


def _bits_below(x: Number, power: int) -> Number:
    """``x`` modulo a power of two."""
    mask = Number(tirx.IntImm(f"int{x.bits}", power - 1), Interval(0, power - 1), x.bits)
    masked = tirx.bitwise_and(x.expression, mask.expression)
    return Number(masked, mask.interval, x.bits)


def _exp_between_minus_quarter_and_zero(at: Channels, a: Number) -> Number:
    """exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31."""
    x = at.once((a + at.constant(1 << 28)).wrap(INT32))
    square = high_multiply(at, x, x)
    cube, fourth = high_multiply(at, square, x), high_multiply(at, square, square)
    inner = (shift_away(at, fourth, 2) + cube).wrap(INT32)
    higher = (high_multiply(at, inner, at.constant(_THIRD)) + square).wrap(INT32)
    series = (x + shift_away(at, higher, 1)).wrap(INT32)
    eighth = at.constant(EXP_OF_MINUS_EIGHTH)
    return at.once((eighth + high_multiply(at, eighth, series)).wrap(INT32))


def reciprocal_of_one_plus(at: Channels, a: Number) -> Number:
    """1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31."""
    half = at.once((a + at.constant(INT32.maximum + 1)) >> at.constant(1))
    first = high_multiply(at, half, at.constant(-1010580540))
    estimate = at.once((at.constant(1515870810) + first).wrap(INT32))
    for _ in range(3):
        product = high_multiply(at, half, estimate)
        error = at.once((at.constant(1 << 29) - product).wrap(INT32))
        step = _shift_left(at, high_multiply(at, estimate, error), 2)
        estimate = at.once((estimate + step).wrap(INT32))
    return _shift_left(at, estimate, 1)


def _shift_left(at: Channels, x: Number, exponent: int) -> Number:
    """``x * 2**exponent``, saturated to int32."""
    product = x * at.constant(1 << exponent)
    return clamped(at, [INT32.minimum], [INT32.maximum], product)
