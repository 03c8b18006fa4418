# SPDX-License-Identifier: Apache-2.0
"""Rounded quotients by powers of two and by any divisor, in all nine modes."""

from collections.abc import Sequence
from typing import assert_never

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.division import floor_divide
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, select, word_of
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding


def shift_right(at: Channels, x: Number, shifts: Sequence[int], mode: Rounding) -> Number:
    """``round(x / 2**shift)``; a shift for each channel, of 0 or more.

    Every mode is a floor of x plus a constant that depends on x's sign, or on the floor's parity.
    """
    x = at.once(x)
    amount = at.number(shifts)
    last = at.number([(1 << shift) - 1 for shift in shifts])
    half = at.number([(1 << shift) >> 1 for shift in shifts])
    inexact = at.number([min(shift, 1) for shift in shifts])
    zero = at.constant(0)
    match mode:
        case Rounding.FLOOR:
            addend = zero
        case Rounding.CEIL:
            addend = last
        case Rounding.TOWARD_ZERO:
            addend = select(x.negative(), last, zero)
        case Rounding.AWAY_FROM_ZERO:
            addend = select(x.negative(), zero, last)
        case Rounding.HALF_TOWARD_POSITIVE:
            addend = half
        case Rounding.HALF_TOWARD_NEGATIVE:
            addend = half - inexact
        case Rounding.HALF_EVEN:
            addend = half - inexact + (x >> amount).low_bit() * inexact
        case Rounding.HALF_AWAY_FROM_ZERO:
            addend = select(x.negative(), half - inexact, half)
        case Rounding.HALF_TOWARD_ZERO:
            addend = select(x.negative(), half, half - inexact)
        case _:
            assert_never(mode)
    return at.once((x + addend) >> amount)


def divide(at: Channels, x: Number, divisor: Number, mode: Rounding) -> Number:
    """``round(x / divisor)`` for a positive divisor."""
    x, divisor = at.once(x), at.once(divisor)
    floor = at.once(floor_divide(at, x, divisor))
    bits = word_of(x.interval, divisor.interval)
    rest = x.word(bits) - floor.word(bits) * divisor.word(bits)
    remainder = at.once(Number(rest, Interval(0, divisor.interval.high), bits, x.lanes))
    # remainder against divisor - remainder says on which side of the half it lies.
    one, zero = at.constant(1), at.constant(0)
    up = select(_goes_up(x, floor, remainder, divisor - remainder, zero, mode), one, zero)
    return at.once(floor + up)


def _goes_up(
    x: Number, floor: Number, remainder: Number, rest: Number, zero: Number, mode: Rounding
) -> Expression:
    inexact = zero.less(remainder)
    above, tie = rest.less(remainder), remainder.equal(rest)
    negative = x.negative()
    match mode:
        case Rounding.FLOOR:
            return remainder.less(zero)
        case Rounding.CEIL:
            return inexact
        case Rounding.TOWARD_ZERO:
            return tirx.And(inexact, negative)
        case Rounding.AWAY_FROM_ZERO:
            return tirx.And(inexact, tirx.Not(negative))
        case Rounding.HALF_TOWARD_POSITIVE:
            return tirx.Or(above, tie)
        case Rounding.HALF_TOWARD_NEGATIVE:
            return above
        case Rounding.HALF_EVEN:
            return tirx.Or(above, tirx.And(tie, zero.less(floor.low_bit())))
        case Rounding.HALF_AWAY_FROM_ZERO:
            return tirx.Or(above, tirx.And(tie, tirx.Not(negative)))
        case Rounding.HALF_TOWARD_ZERO:
            return tirx.Or(above, tirx.And(tie, negative))
        case _:
            assert_never(mode)
