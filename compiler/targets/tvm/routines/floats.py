# SPDX-License-Identifier: Apache-2.0
"""IEEE-754 binary32 in integers, each operation rounded once, half to even, subnormals included.

No operand is NaN.  An infinity may be rounded, compared, multiplied and divided by finite numbers
that aren't 0; sums and fused operations have finite operands.  Names and meanings are those of C
and of GCC's and LLVM's runtime libraries; a float travels as the word of its bits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.routines.routine import Routine, Word

SIGN, INFINITE = 1 << 31, 0xFF << 23
HIDDEN = 1 << 23
BIAS = 150
"""A float of exponent field e is its significand times ``2**(e - BIAS)``."""

_GUARD = 32
"""Bits below the significands of a sum."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A float: its sign bit in place, its exponent (that of 1 for subnormals), its significand."""

    sign: Word
    exponent: Word
    significand: Word


def parts(bits: Word) -> Parts:
    """The parts of a float."""
    exponent, fraction = (bits >> 23) & 0xFF, bits & (HIDDEN - 1)
    subnormal = exponent.equals(0)
    significand = fraction | subnormal.opposite().chosen(bits.like(HIDDEN), 0)
    return Parts(bits & SIGN, exponent | subnormal, significand)


def leading_zeros(value: Word) -> Word:
    """Of 64 bits, by words of 32."""
    top, bottom = (value >> 32).low(32), value.low(32)
    zeros = [
        value.routine.line(f"call i32 @llvm.ctlz.i32(i32 {half.name}, i1 false)", 32)
        for half in (top, bottom)
    ]
    return top.equals(0).chosen(zeros[1] + 32, zeros[0])


def rounded(sign: Word, magnitude: Word, exponent: Word) -> Word:
    """The float nearest to ``magnitude * 2**(exponent - BIAS)``, with a sign bit.

    Args:
        sign: the bit in its place.
        magnitude: an unsigned word of 64; where bits below it were lost, its last bit is set, and
            it has more than 25 bits.
        exponent: between -1000 and 1000.
    """
    routine = sign.routine
    # So many bits are beyond the 24 that a significand has, or beyond the smallest exponent.
    excess = routine.word(40, 32) - leading_zeros(magnitude)
    least = routine.word(1, 32) - exponent
    drop = excess.less(least).chosen(least, excess)
    up = drop.negative()
    # From 63 on nothing is kept.
    right = up.chosen(routine.word(0, 32), drop.less(63).chosen(drop, 63))
    left = up.chosen(drop.negated() & 63, 0)
    kept = (magnitude >> right).low(32)
    # The half, less one where the significand is even: what lies above it rounds up.
    half = (routine.word(1, 64) << right) >> 1
    rest = magnitude & ((routine.word(1, 64) << right) - 1)
    more = half.below(rest) | (half.equals(rest) & right.equals(0).opposite() & (kept & 1).low(1))
    significand = up.chosen((magnitude << left).low(32), kept + more)
    # The hidden bit, or a carry into it, adds to the exponent by itself.
    field = exponent + drop - 1
    bits = (field << 23) + significand
    overflows = field.less(254).opposite() | bits.below(INFINITE).opposite()
    found = overflows.chosen(routine.word(INFINITE, 32), bits)
    return sign | magnitude.equals(0).chosen(routine.word(0, 32), found)


def _lost(value: Word, amount: Word) -> Word:
    """A word of 64 moved down by any amount; its last bit says too whether bits were lost."""
    count = amount.below(63).chosen(amount, 63)
    moved = value >> count
    return moved | (moved << count).equals(value).opposite()


def _sum(first: tuple[Word, Word, Word], second: tuple[Word, Word, Word]) -> Word:
    """The float nearest to a sum of two numbers, each a sign bit, a magnitude, an exponent.

    Magnitudes have less than 63 bits, and enough zeros below: where the one of the smaller exponent
    loses bits, the sum must still have more than 25 bits.
    """
    (sign_a, a, exponent_a), (sign_b, b, exponent_b) = first, second
    behind = exponent_a.less(exponent_b)
    high = behind.chosen(exponent_b, exponent_a)
    a, b = _lost(a, high - exponent_a), _lost(b, high - exponent_b)
    signed = [
        sign.negative().chosen(value.negated(), value) for sign, value in ((sign_a, a), (sign_b, b))
    ]
    total = signed[0] + signed[1]
    # A sum of nothing is negative where both parts are.
    sign = total.equals(0).chosen(sign_a & sign_b, (total >> 32).low(32) & SIGN)
    return rounded(sign, total.magnitude(), high)


def _add(symbol: str, *, subtract: bool) -> str:
    routine = Routine((32, 32))
    second = routine.argument(1) ^ SIGN if subtract else routine.argument(1)
    terms = [
        (each.sign, each.significand.zero_extended(64) << _GUARD, each.exponent - _GUARD)
        for each in (parts(routine.argument(0)), parts(second))
    ]
    return routine.text(symbol, _sum(terms[0], terms[1]))


def _infinite(bits: Word) -> Word:
    return (bits & (SIGN - 1)).below(INFINITE).opposite()


def _multiply(symbol: str) -> str:
    routine = Routine((32, 32))
    a, b = parts(routine.argument(0)), parts(routine.argument(1))
    sign = a.sign ^ b.sign
    product = a.significand.zero_extended(64) * b.significand.zero_extended(64)
    found = rounded(sign, product, a.exponent + b.exponent - BIAS)
    infinite = _infinite(routine.argument(0)) | _infinite(routine.argument(1))
    return routine.text(symbol, infinite.chosen(sign | INFINITE, found))


def _divide(symbol: str) -> str:
    """Bit by bit, of significands that begin at the same place."""
    routine = Routine((32, 32))
    a, b = parts(routine.argument(0)), parts(routine.argument(1))
    sign = a.sign ^ b.sign

    def normalized(each: Parts) -> tuple[Word, Word]:
        zeros = leading_zeros(each.significand.zero_extended(64)) - 40
        return each.significand << (zeros & 31), each.exponent - zeros

    (over, exponent_a), (under, exponent_b) = normalized(a), normalized(b)

    def step(values: Sequence[Word]) -> Sequence[Word]:
        rest, quotient = values
        fits = rest.below(under).opposite()
        return fits.chosen(rest - under, rest) << 1, (quotient << 1) | fits

    bits = 28
    rest, quotient = routine.repeat(bits, (over, routine.word(0, 32)), step)
    found = quotient | rest.equals(0).opposite()
    exponent = exponent_a - exponent_b + (BIAS - bits + 1)
    result = rounded(sign, found.zero_extended(64), exponent)
    return routine.text(symbol, _infinite(routine.argument(0)).chosen(sign | INFINITE, result))


def _fused_multiply_add(symbol: str) -> str:
    routine = Routine((32, 32, 32))
    a, b, c = (parts(routine.argument(number)) for number in range(3))
    product = a.significand.zero_extended(64) * b.significand.zero_extended(64)
    exponent = a.exponent + b.exponent - BIAS
    # A product of nothing must not push the other part's bits out.
    exponent = product.equals(0).chosen(routine.word(-500, 32), exponent)
    first = a.sign ^ b.sign, product << 14, exponent - 14
    second = c.sign, c.significand.zero_extended(64) << 38, c.exponent - 38
    return routine.text(symbol, _sum(first, second))


def _from_integer(symbol: str, *, bits: int, signed: bool) -> str:
    routine = Routine((bits,))
    value = routine.argument(0)
    sign = routine.word(0, 32)
    if signed:
        sign = value.negative().chosen(routine.word(SIGN, 32), 0)
        value = value.magnitude()
    return routine.text(symbol, rounded(sign, value.zero_extended(64), routine.word(BIAS, 32)))


def _to_integer(symbol: str, *, bits: int, signed: bool) -> str:
    """Cut toward zero; the float is one of the type's."""
    routine = Routine((32,))
    x = parts(routine.argument(0))
    up = x.exponent.less(BIAS).opposite()
    down = routine.word(BIAS, 32) - x.exponent
    down = down.less(31).chosen(down, 31)
    above = x.significand.zero_extended(bits) << ((x.exponent - BIAS) & (bits - 1))
    below = (x.significand >> (down & 31)).zero_extended(bits)
    magnitude = up.chosen(above, below)
    negative = x.sign.negative()
    return routine.text(
        symbol, negative.chosen(magnitude.negated(), magnitude) if signed else magnitude
    )


def _integral(symbol: str, goes_up: Callable[[Word, Word, Word, Word], Word]) -> str:
    """The float that is an integer beside x, chosen by its sign, whole, fraction and half of one.

    From 24 bits on every float is an integer.
    """
    routine = Routine((32,))
    bits = routine.argument(0)
    x = parts(bits)
    places = routine.word(BIAS, 32) - x.exponent
    places = places.less(25).chosen(places, 25) & 31
    whole = x.significand >> places
    fraction = x.significand & ((routine.word(1, 32) << places) - 1)
    half = (routine.word(1, 32) << places) >> 1
    # Below a half of the last place that is looked at, but not 0.
    fraction = x.exponent.less(BIAS - 25).chosen(
        x.significand.equals(0).opposite().zero_extended(32), fraction
    )
    magnitude = whole + goes_up(x.sign.negative(), whole, fraction, half)
    found = rounded(x.sign, magnitude.zero_extended(64), routine.word(BIAS, 32))
    return routine.text(symbol, x.exponent.less(BIAS).chosen(found, bits))


def _up_half_even(_: Word, whole: Word, fraction: Word, half: Word) -> Word:
    return half.below(fraction) | (half.equals(fraction) & (whole & 1).low(1))


def _up_toward_zero(sign: Word, whole: Word, fraction: Word, half: Word) -> Word:
    return sign.routine.word(0, 1)


def _up_floor(sign: Word, whole: Word, fraction: Word, half: Word) -> Word:
    return sign & fraction.equals(0).opposite()


def _up_ceil(sign: Word, whole: Word, fraction: Word, half: Word) -> Word:
    return sign.opposite() & fraction.equals(0).opposite()


def _compare(symbol: str) -> str:
    """-1, 0 or 1; both zeros are the same."""
    routine = Routine((32, 32))

    def order(bits: Word) -> Word:
        magnitude = bits & (SIGN - 1)
        return bits.negative().chosen(magnitude.negated(), magnitude)

    a, b = order(routine.argument(0)), order(routine.argument(1))
    return routine.text(symbol, b.less(a).zero_extended(32) - a.less(b))


def _ordered(symbol: str) -> str:
    """Whether an operand is NaN: none is."""
    routine = Routine((32, 32))
    return routine.text(symbol, routine.word(0, 32))


FLOATS: Mapping[str, Callable[[str], str]] = {
    "__addsf3": lambda symbol: _add(symbol, subtract=False),
    "__subsf3": lambda symbol: _add(symbol, subtract=True),
    "__mulsf3": _multiply,
    "__divsf3": _divide,
    "fmaf": _fused_multiply_add,
    "__floatsisf": lambda symbol: _from_integer(symbol, bits=32, signed=True),
    "__floatunsisf": lambda symbol: _from_integer(symbol, bits=32, signed=False),
    "__floatdisf": lambda symbol: _from_integer(symbol, bits=64, signed=True),
    "__floatundisf": lambda symbol: _from_integer(symbol, bits=64, signed=False),
    "__fixsfsi": lambda symbol: _to_integer(symbol, bits=32, signed=True),
    "__fixunssfsi": lambda symbol: _to_integer(symbol, bits=32, signed=False),
    "__fixsfdi": lambda symbol: _to_integer(symbol, bits=64, signed=True),
    "__fixunssfdi": lambda symbol: _to_integer(symbol, bits=64, signed=False),
    "roundevenf": lambda symbol: _integral(symbol, _up_half_even),
    "truncf": lambda symbol: _integral(symbol, _up_toward_zero),
    "floorf": lambda symbol: _integral(symbol, _up_floor),
    "ceilf": lambda symbol: _integral(symbol, _up_ceil),
    "__unordsf2": _ordered,
    **{f"__{how}sf2": _compare for how in ("eq", "ne", "lt", "le", "gt", "ge")},
}
"""By symbol."""
