# SPDX-License-Identifier: Apache-2.0
"""Requantizers in a few instructions: the high word of a product, one or two shifts, a clamp.

With ``S = shift + scale_bits >= 33`` and a sum ``A = 2**scale_bits T``, whatever lies in the low
word can't change a floor, so that ``SMMLA`` and one shift give

    floor((T m + 2**(shift-1)) / 2**shift) + zero = floor((floor(A m / 2**32) + a) / 2**(S-32))
    a = 2**(S-33) + zero 2**(S-32)

Two roundings take two of these shifts; the second one's half away from zero is a half less where
the number is negative, which its sign bit adds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from intaglio.compiler.targets.tvm.function import index
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift

_INT32 = IntType(32, signed=True)
_LEAST = 33
"""The smallest shift of a product whose half lies in the high word."""
_MOST = 31
"""The largest shift of a word."""


@dataclass(frozen=True, slots=True)
class Factor:
    """The constants of one channel: ``floor((high + addend) / 2**shift)`` at the end."""

    multiplier: int
    addend: int
    shift: int


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A requantizer in this form.

    Attributes:
        factors: by channel, or one.
        lift: by how many bits sums are shifted to the left before.
        first: the shift of the high word, with its own rounding, where there are two; else 0.
        away: whether the second half goes away from zero.
        low: the least code.
        high: the largest code.
        reached: before the clamp.
    """

    factors: tuple[Factor, ...]
    lift: int
    first: int
    away: bool
    low: int
    high: int
    reached: Interval

    def rescaled(self, total: Expression, factor: Sequence[Expression]) -> Number:
        """The code of a sum.

        Args:
            total: int32, scaled.
            factor: multiplier, addend and shift of its channel.
        """
        if self.lift:
            total = tirx.shift_left(total, index(self.lift))
        multiplier, addend, shift = factor
        product = tirx.Cast("int64", total) * tirx.Cast("int64", multiplier)
        high = tirx.Cast("int32", tirx.shift_right(product, tirx.IntImm("int64", 32)))
        if self.first:
            high = tirx.shift_right(high + index(1 << (self.first - 1)), index(self.first))
            if self.away:
                high = high + tirx.shift_right(high, index(31))
        code = tirx.shift_right(high + addend, shift)
        found = Number(code, self.reached, 32)
        if self.reached.low < self.low:
            found = found.maximum(_constant(self.low))
        if self.reached.high > self.high:
            found = found.minimum(_constant(self.high))
        return found

    def prepared(self) -> list[str]:
        """Assembly that runs once, before ``lines``."""
        return [f"mov r3, #{1 << (self.first - 1)}"] if self.first else []

    def lines(self, totals: Sequence[str]) -> list[str]:
        """Assembly that makes codes of sums where they are.

        Args:
            totals: registers; the channel's multiplier, addend and shift are in r0, r1 and r2.
        """
        found: list[list[str]] = []
        if self.lift:
            found.append([f"lsl {a}, {a}, #{self.lift}" for a in totals])
        if self.first:
            found.append([f"smmla {a}, {a}, r0, r3" for a in totals])
            found.append([f"asr {a}, {a}, #{self.first}" for a in totals])
            if self.away:
                found.append([f"add {a}, {a}, {a}, asr #31" for a in totals])
            found.append([f"add {a}, {a}, r1" for a in totals])
        else:
            found.append([f"smmla {a}, {a}, r0, r1" for a in totals])
        found.append([f"asr {a}, {a}, r2" for a in totals])
        found += [clamp_lines(a, self.low, self.high, self.reached) for a in totals]
        return [line for part in found for line in part]

    @property
    def name(self) -> str:
        """What tells its assembly from others'."""
        clamp = "_".join(clamp_lines("c", self.low, self.high, self.reached))
        return f"{self.lift}_{self.first}_{int(self.away)}_{as_name(clamp)}"


def clamp_lines(code: str, low: int, high: int, reached: Interval) -> list[str]:
    """Assembly that clamps the code in a register, which holds no code beyond ``reached``."""
    below, above = reached.low < low, reached.high > high
    for ends, saturate in (((-128, 127), "ssat"), ((0, 255), "usat")):
        if (low, high) == ends and (below or above):
            return [f"{saturate} {code}, #8, {code}"]
    found: list[str] = []
    if below:
        found += [f"cmp {code}, #{low}", "it lt", f"movlt {code}, #{low}"]
    if above:
        found += [f"cmp {code}, #{high}", "it gt", f"movgt {code}, #{high}"]
    return found


def as_name(assembly: str) -> str:
    """A part of a C identifier that tells lines of assembly from others."""
    return re.sub(r"\W+", "_", assembly.replace("-", "m"))


def _constant(value: int) -> Number:
    return Number(index(value), Interval(value, value), 32)


def rescaling(
    requantizers: Sequence[Requantizer], dead: Mapping[int, int], total: Interval, scale_bits: int
) -> Rescaling | None:
    """The form for sums within ``total``, held ``2**scale_bits`` times as large; None for others.

    Args:
        requantizers: by channel, or one.
        dead: channels that have one code whatever their sums are, and these codes.
        total: of the accumulators of all other channels.
        scale_bits: by how many bits larger they are held.
    """
    ends = {(requantizer.low, requantizer.high) for requantizer in requantizers}
    live = [r for channel, r in enumerate(requantizers) if channel not in dead]
    if len(ends) > 1 or not live or not total.magnitude:
        return None
    if all(isinstance(requantizer.scaling, MultiplyShift) for requantizer in live):
        found = _single(live, total, scale_bits)
    elif all(isinstance(requantizer.scaling, DoubleRounding) for requantizer in live):
        found = _double(live, total, scale_bits)
    else:
        return None
    if found is None or not dead:
        return found
    kept = iter(found.factors)
    factors = tuple(
        Factor(0, dead[channel], 0) if channel in dead else next(kept)
        for channel in range(len(requantizers))
    )
    points = [_point(code) for code in dead.values()]
    return replace(found, factors=factors, reached=reduce(Interval.hull, points, found.reached))


def _single(
    requantizers: Sequence[Requantizer], total: Interval, scale_bits: int
) -> Rescaling | None:
    grown: list[tuple[int, int, int]] = []
    for requantizer in requantizers:
        scaling = requantizer.scaling
        if not isinstance(scaling, MultiplyShift):
            return None
        if scaling.rounding is not Rounding.HALF_TOWARD_POSITIVE:
            return None
        multiplier, shift = scaling.multiplier, scaling.shift + scale_bits
        while shift < _LEAST and _INT32.contains(2 * multiplier):
            multiplier, shift = 2 * multiplier, shift + 1
        grown.append((multiplier, shift, requantizer.zero_point))
    lift = max(0, _LEAST - min(shift for _, shift, _ in grown))
    held = total.scale_by(1 << (scale_bits + lift))
    factors: list[Factor] = []
    reached: list[Interval] = []
    for multiplier, shift, zero in grown:
        amount = shift + lift - 32
        if amount > _MOST:
            return None
        factor = Factor(multiplier, (1 << (amount - 1)) + (zero << amount), amount)
        factors.append(factor)
        reached.append(_high(held, multiplier))
    return _checked(requantizers, factors, reached, held, lift, 0, False)


def _double(
    requantizers: Sequence[Requantizer], total: Interval, scale_bits: int
) -> Rescaling | None:
    scalings = [r.scaling for r in requantizers if isinstance(r.scaling, DoubleRounding)]
    ties = {scaling.ties for scaling in scalings}
    lefts = {max(scaling.shift, 0) for scaling in scalings}
    if len(ties) > 1 or len(lefts) > 1:
        return None
    (mode,), (left,) = ties, lefts
    if not _INT32.interval.contains(total.scale_by(1 << left)):
        return None
    away = mode is Rounding.HALF_AWAY_FROM_ZERO
    rights = [max(-scaling.shift, 0) for scaling in scalings]
    if away and len({right > 0 for right in rights}) > 1:
        return None
    lift = max(0, _LEAST - (31 + scale_bits - left))
    held = total.scale_by(1 << (scale_bits + lift))
    first = 31 + scale_bits - left + lift - 32
    factors: list[Factor] = []
    reached: list[Interval] = []
    for requantizer, scaling, right in zip(requantizers, scalings, rights, strict=True):
        if scaling.multiplier == _INT32.minimum:
            return None
        half = 0 if mode is Rounding.FLOOR else (1 << right) >> 1
        factors.append(Factor(scaling.multiplier, half + (requantizer.zero_point << right), right))
        before = _high(held, scaling.multiplier) + _point(1 << (first - 1))
        if not _INT32.interval.contains(before):
            return None
        rounded = Interval(before.low >> first, before.high >> first)
        reached.append(rounded + Interval(-1, 0) if away and right else rounded)
    away = away and rights[0] > 0
    return _checked(requantizers, factors, reached, held, lift, first, away)


def _high(held: Interval, multiplier: int) -> Interval:
    product = held.scale_by(multiplier)
    return Interval(product.low >> 32, product.high >> 32)


def _point(value: int) -> Interval:
    return Interval(value, value)


def _checked(
    requantizers: Sequence[Requantizer],
    factors: Sequence[Factor],
    reached: Sequence[Interval],
    held: Interval,
    lift: int,
    first: int,
    away: bool,
) -> Rescaling | None:
    """The form, if every word of it holds what it must."""
    sums = [high + _point(factor.addend) for high, factor in zip(reached, factors, strict=True)]
    words = [held, *sums]
    words += [_point(n) for factor in factors for n in (factor.multiplier, factor.addend)]
    if not all(_INT32.interval.contains(word) for word in words):
        return None
    ends = [
        Interval(word.low >> factor.shift, word.high >> factor.shift)
        for word, factor in zip(sums, factors, strict=True)
    ]
    every = Interval(min(end.low for end in ends), max(end.high for end in ends))
    low, high = requantizers[0].low, requantizers[0].high
    return Rescaling(tuple(factors), lift, first, away, low, high, every)
