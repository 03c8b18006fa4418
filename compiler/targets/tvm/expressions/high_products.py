# SPDX-License-Identifier: Apache-2.0
"""Multiply and shift of vectors of int32 without vectors of int64 for every lane.

Even and odd lanes are multiplied apart, two products of 64 bits in a pair of lanes; their high
halves are again a vector of int32.  Floors of quotients by powers of two compose:

    h = floor(p / 2**(s-1)) = floor(floor(p / 2**32) / 2**(s-33))

From h, every rounding of ``p / 2**s`` is a step in 32 bits:

    FLOOR                 floor(h / 2)
    HALF_TOWARD_POSITIVE  floor((h + 1) / 2)
    HALF_EVEN             floor((h + t) / 2), t = 1, or floor(h / 2) mod 2 where h is exact

Their mirror images are the same of -p, negated; where the side of zero counts, the same of |x|, or
of -|x|, with the sign of x.  h is exact where x holds enough factors of two beside the
multiplier's.  A shift below 33 is one of 33 of a greater multiplier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right

_INT32 = IntType(32, signed=True)
_LEAST_SHIFT = 33
_MOST_SHIFT = _LEAST_SHIFT + 31
_NEVER = 31
"""Factors of two that no int32 but 0 and the lowest one holds."""

_NEGATED = (Rounding.CEIL, Rounding.HALF_TOWARD_NEGATIVE)
_OF_MAGNITUDE = (Rounding.TOWARD_ZERO, Rounding.HALF_AWAY_FROM_ZERO)
_OF_NEGATED_MAGNITUDE = (Rounding.AWAY_FROM_ZERO, Rounding.HALF_TOWARD_ZERO)


@dataclass(frozen=True, slots=True)
class Factor:
    """``x * multiplier / 2**shift``."""

    multiplier: int
    shift: int

    def normal(self) -> "Factor":
        """The same factor with a shift of 33 or more."""
        up = max(_LEAST_SHIFT - self.shift, 0)
        return Factor(self.multiplier << up, self.shift + up)

    @property
    def served(self) -> bool:
        """Whether 32 bits hold the multiplier, of either sign, and a lane can shift as far."""
        return abs(self.multiplier) <= _INT32.maximum and self.shift <= _MOST_SHIFT


def serves(at: Channels, factors: Sequence[Factor], rounding: Rounding, x: Number) -> bool:
    """Whether ``multiplied`` computes these products of x."""
    if at.lanes % 2 or x.bits != 32 or not all(factor.normal().served for factor in factors):
        return False
    half_up = rounding is Rounding.HALF_TOWARD_POSITIVE
    if at.function.integers_alone:
        # LLVM for ARM isn't asked for more forms than it is known to select.
        return half_up and all(factor.shift >= _LEAST_SHIFT for factor in factors)
    if half_up:
        return True
    if x.interval.low == _INT32.minimum:
        return False
    mirrored = (*_OF_MAGNITUDE, *_OF_NEGATED_MAGNITUDE)
    return rounding not in mirrored or all(factor.multiplier >= 0 for factor in factors)


def multiplied(at: Channels, factors: Sequence[Factor], rounding: Rounding, x: Number) -> Number:
    """``round(x * multiplier / 2**shift)`` by channel."""
    x = at.once(x)
    ends = [
        shift_right(end * factor.multiplier, factor.shift, rounding)
        for factor in dict.fromkeys(factors)
        for end in (x.interval.low, x.interval.high)
    ]
    interval = Interval(min(ends), max(ends))
    found = _rounded(at, [factor.normal() for factor in factors], rounding, x)
    return at.once(Number(found, interval, 32, at.lanes))


def _rounded(at: Channels, factors: Sequence[Factor], mode: Rounding, x: Number) -> Expression:
    one, zero, plain = at.constant(1).word(32), at.constant(0).word(32), x.expression
    if mode in _NEGATED:
        negated = [Factor(-factor.multiplier, factor.shift) for factor in factors]
        return zero - _toward_negative(at, _halves(at, negated, plain), mode)
    if mode in _OF_MAGNITUDE or mode in _OF_NEGATED_MAGNITUDE:
        of_magnitude = mode in _OF_MAGNITUDE
        opposite = zero - plain
        magnitude = tirx.max(plain, opposite) if of_magnitude else tirx.min(plain, opposite)
        halves = _halves(at, factors, at.function.bind(magnitude))
        found = at.function.bind(_toward_negative(at, halves, mode))
        # The sign of a magnitude's result is that of x; of a negated one, the other.
        flipped = x.negative() if of_magnitude else tirx.Not(x.negative())
        return tirx.Select(flipped, zero - found, found)
    halves = _halves(at, factors, plain)
    if mode is not Rounding.HALF_EVEN:
        return _toward_negative(at, halves, mode)
    low_bits = at.number([(1 << _twos(factor)) - 1 for factor in factors]).word(32)
    exact = tirx.EQ(tirx.bitwise_and(plain, low_bits), zero)
    odd = tirx.bitwise_and(tirx.shift_right(halves, one), one)
    return tirx.shift_right(halves + tirx.Select(exact, odd, one), one)


def _toward_negative(at: Channels, halves: Expression, mode: Rounding) -> Expression:
    """A floor, or the nearest integer with ties toward positive, of what counts halves."""
    one = at.constant(1).word(32)
    return tirx.shift_right(halves + one if mode.to_nearest else halves, one)


def _twos(factor: Factor) -> int:
    """How many factors of two x must hold for ``x * multiplier / 2**(shift-1)`` to be exact."""
    multiplier = factor.multiplier
    held = (multiplier & -multiplier).bit_length() - 1 if multiplier else factor.shift
    return min(max(factor.shift - 1 - held, 0), _NEVER)


def _halves(at: Channels, factors: Sequence[Factor], x: Expression) -> Expression:
    """``floor(x * multiplier / 2**(shift-1))`` by channel."""
    pairs = at.lanes // 2
    multiplier = at.number([factor.multiplier for factor in factors]).word(32)
    values = at.function.bind(tirx.reinterpret(f"int64x{pairs}", x))
    by = at.function.bind(tirx.reinterpret(f"int64x{pairs}", multiplier))
    word = _pairs(32, pairs)
    even = _low(values, word) * _low(by, word)
    odd = tirx.shift_right(values, word) * tirx.shift_right(by, word)
    high_of_even = tirx.bitwise_and(tirx.shift_right(even, word), _pairs(0xFFFFFFFF, pairs))
    high_of_odd = tirx.bitwise_and(odd, _pairs(-(1 << 32), pairs))
    together = tirx.bitwise_or(high_of_even, high_of_odd)
    high = tirx.reinterpret(f"int32x{at.lanes}", together)
    shift = at.number([factor.shift - _LEAST_SHIFT for factor in factors])
    return at.function.bind(tirx.shift_right(high, shift.word(32)))


def _low(values: Expression, word: Expression) -> Expression:
    """The low halves of pairs of lanes."""
    return tirx.shift_right(tirx.shift_left(values, word), word)


def _pairs(value: int, count: int) -> Expression:
    return tirx.Broadcast(tirx.IntImm("int64", value), count)
