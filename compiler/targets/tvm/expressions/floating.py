# SPDX-License-Identifier: Apache-2.0
"""IEEE-754 operations, each rounded apart: between integers and floats, and to integral floats."""

from fractions import Fraction
from typing import assert_never

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import cast, element_type, vector
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, TooWide, constant, select
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding

SPLIT = 40
"""A float beyond 64 bits is cut at ``2**40``: both parts then fit an int64."""


class ScalarOnly(Exception):
    """An expression has no vector form; compute it a lane at a time."""


def alone(product: Expression) -> Expression:
    """The same value, never contracted with an addition into one rounding."""
    return tirx.call_llvm_pure_intrin(element_type(product), "llvm.arithmetic.fence", product)


def immediate(at: Channels, dtype: str, value: float) -> Expression:
    """A float constant in every lane."""
    scalar = tirx.FloatImm(dtype, value)
    return scalar if at.lanes == 1 else tirx.Broadcast(scalar, at.lanes)


def from_number(at: Channels, x: Number, dtype: str) -> Expression:
    """The float nearest to an integer, half to even."""
    wanted = vector(dtype, at.lanes)
    if x.bits < 128:
        return at.function.bind(cast(wanted, x.expression))
    if at.lanes > 1:
        raise ScalarOnly
    return _from_two_words(at, x, dtype)


def _from_two_words(at: Channels, x: Number, dtype: str) -> Expression:
    """The top 62 bits of the magnitude, the last of them sticky, then a power of two.

    62 bits are at least two more than a significand has, so the conversion rounds as from all bits.
    """
    bind = at.function.bind
    magnitude = bind(select(x.negative(), -x, x).word(128))
    high = bind(cast("int64", tirx.shift_right(magnitude, constant(64).word(128))))
    low = bind(cast("int64", magnitude))
    length = tirx.Select(
        tirx.EQ(high, constant(0).word(64)),
        constant(64).word(32) - leading_zeros(low),
        constant(128).word(32) - leading_zeros(high),
    )
    shift = bind(tirx.max(length - constant(62).word(32), constant(0).word(32)))
    wide = bind(cast("int128", shift))
    kept = bind(tirx.shift_right(magnitude, wide))
    exact = tirx.EQ(tirx.shift_left(kept, wide), magnitude)
    sticky = tirx.Select(exact, constant(0).word(64), constant(1).word(64))
    top = cast(dtype, tirx.bitwise_or(cast("int64", kept), sticky))
    bits, bias, place = (32, 127, 23) if dtype == "float32" else (64, 1023, 52)
    exponent = tirx.shift_left(
        cast(f"int{bits}", shift) + constant(bias).word(bits), constant(place).word(bits)
    )
    scaled = bind(top * tirx.reinterpret(dtype, exponent))
    return bind(tirx.Select(x.negative(), immediate(at, dtype, 0.0) - scaled, scaled))


def leading_zeros(x: Expression) -> Expression:
    """How many high bits of an int64 are 0, as an int32; 64 for 0."""
    zero_is_defined = tirx.IntImm("bool", 0)
    return cast("int32", tirx.call_llvm_pure_intrin("int64", "llvm.ctlz", x, zero_is_defined))


def to_number(at: Channels, x: Expression, dtype: str, bound: Fraction, needed: Interval) -> Number:
    """The integer that an integral float is, or one beyond the same end of ``needed``.

    Args:
        at: where.
        x: the float; never NaN.
        dtype: its scalar type.
        bound: no less than the magnitude of x.
        needed: beyond it, results need not be told apart.
    """
    bits = max(needed.signed_bits, 2)
    reached = int(bound).bit_length() + 1
    if reached <= max(bits, 30):
        bits = reached
    else:
        end = float(1 << bits)
        x = tirx.max(tirx.min(x, immediate(at, dtype, end)), immediate(at, dtype, -end))
    interval = Interval(-(1 << bits), 1 << bits)
    if bits < 63:
        word = 32 if bits < 31 else 64
        return Number(
            at.function.bind(cast(vector(f"int{word}", at.lanes), x)), interval, word, at.lanes
        )
    return _two_words(at, at.function.bind(x), dtype, interval)


def _two_words(at: Channels, x: Expression, dtype: str, interval: Interval) -> Number:
    if interval.signed_bits > 62 + SPLIT:
        raise TooWide(f"{interval.signed_bits} bits of a float")
    if at.lanes > 1:
        raise ScalarOnly
    bind = at.function.bind
    down, up = tirx.FloatImm(dtype, 2.0**-SPLIT), tirx.FloatImm(dtype, 2.0**SPLIT)
    high = bind(_intrinsic("trunc", x * down))
    # Both operands are multiples of the float's last place: the difference is exact.
    low = bind(x - alone(high * up))
    top = tirx.shift_left(cast("int128", cast("int64", high)), constant(SPLIT).word(128))
    return Number(bind(top + cast("int128", cast("int64", low))), interval, 128)


def round_to_integral(at: Channels, x: Expression, dtype: str, mode: Rounding) -> Expression:
    """The integral float that ``mode`` chooses for x; an infinity stays."""
    bind = at.function.bind
    zero = immediate(at, dtype, 0.0)
    match mode:
        case Rounding.FLOOR:
            return bind(_intrinsic("floor", x))
        case Rounding.CEIL:
            return bind(_intrinsic("ceil", x))
        case Rounding.TOWARD_ZERO:
            return bind(_intrinsic("trunc", x))
        case Rounding.AWAY_FROM_ZERO:
            return bind(tirx.Select(x < zero, _intrinsic("floor", x), _intrinsic("ceil", x)))
        case Rounding.HALF_EVEN:
            return bind(_intrinsic("roundeven", x))
        case (
            Rounding.HALF_AWAY_FROM_ZERO
            | Rounding.HALF_TOWARD_ZERO
            | Rounding.HALF_TOWARD_POSITIVE
            | Rounding.HALF_TOWARD_NEGATIVE
        ):
            return _round_half(at, x, dtype, mode)
        case _:
            assert_never(mode)


def _round_half(at: Channels, x: Expression, dtype: str, mode: Rounding) -> Expression:
    """Cut the fraction off, which is exact, then step away from zero where it is large enough."""
    bind = at.function.bind
    zero, half = immediate(at, dtype, 0.0), immediate(at, dtype, 0.5)
    whole = bind(_intrinsic("trunc", x))
    fraction = bind(_intrinsic("fabs", x - whole))
    away = fraction > half
    tie = tirx.EQ(fraction, half)
    match mode:
        case Rounding.HALF_AWAY_FROM_ZERO:
            away = tirx.Or(away, tie)
        case Rounding.HALF_TOWARD_POSITIVE:
            away = tirx.Or(away, tirx.And(tie, x > zero))
        case Rounding.HALF_TOWARD_NEGATIVE:
            away = tirx.Or(away, tirx.And(tie, x < zero))
        case _:
            pass
    one = tirx.Select(x < zero, immediate(at, dtype, -1.0), immediate(at, dtype, 1.0))
    return bind(whole + tirx.Select(away, one, zero))


def _intrinsic(name: str, x: Expression) -> Expression:
    return tirx.call_llvm_pure_intrin(element_type(x), f"llvm.{name}", x)
