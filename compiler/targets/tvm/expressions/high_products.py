# SPDX-License-Identifier: Apache-2.0
"""Multiply and shift of vectors of int32 without vectors of int64 for every lane.

Even and odd lanes are multiplied apart, two products of 64 bits in a pair of lanes; their high
halves are again a vector of int32.  Floors of quotients by powers of two compose:

    floor((p + 2**(s-1)) / 2**s) = floor((floor(floor(p / 2**32) / 2**(s-33)) + 1) / 2)
"""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift

_INT32 = IntType(32, signed=True)
_LEAST_SHIFT = 33
_MOST_SHIFT = _LEAST_SHIFT + 31


def serves(at: Channels, scalings: Sequence[MultiplyShift], x: Number) -> bool:
    """Whether ``multiplied`` computes these scalings of x."""
    return (
        at.lanes % 2 == 0
        and x.bits == 32
        and scalings[0].rounding is Rounding.HALF_TOWARD_POSITIVE
        and all(_INT32.contains(s.multiplier) for s in scalings)
        and all(_LEAST_SHIFT <= s.shift <= _MOST_SHIFT for s in scalings)
    )


def multiplied(at: Channels, scalings: Sequence[MultiplyShift], x: Number) -> Number:
    """``floor((x * multiplier + 2**(shift-1)) / 2**shift)`` by channel."""
    pairs = at.lanes // 2
    factor = at.number([s.multiplier for s in scalings])
    values = at.function.bind(tirx.reinterpret(f"int64x{pairs}", x.expression))
    factors = at.function.bind(tirx.reinterpret(f"int64x{pairs}", factor.expression))
    word = _pairs(32, pairs)
    even = _low(values, word) * _low(factors, word)
    odd = tirx.shift_right(values, word) * tirx.shift_right(factors, word)
    high_of_even = tirx.bitwise_and(tirx.shift_right(even, word), _pairs(0xFFFFFFFF, pairs))
    high_of_odd = tirx.bitwise_and(odd, _pairs(-(1 << 32), pairs))
    together = tirx.bitwise_or(high_of_even, high_of_odd)
    high = tirx.reinterpret(f"int32x{at.lanes}", together)
    shift = at.number([s.shift - _LEAST_SHIFT for s in scalings])
    doubled = tirx.shift_right(high, shift.word(32))
    one = at.constant(1).word(32)
    ends = [
        scaling.apply(end)
        for scaling in dict.fromkeys(scalings)
        for end in (x.interval.low, x.interval.high)
    ]
    rounded = tirx.shift_right(doubled + one, one)
    return at.once(Number(rounded, Interval(min(ends), max(ends)), 32, at.lanes))


def _low(values: Expression, word: Expression) -> Expression:
    """The low halves of pairs of lanes."""
    return tirx.shift_right(tirx.shift_left(values, word), word)


def _pairs(value: int, count: int) -> Expression:
    return tirx.Broadcast(tirx.IntImm("int64", value), count)
