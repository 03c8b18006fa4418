# SPDX-License-Identifier: Apache-2.0
"""``Float32Multiply`` in integers: the product of two significands, rounded as a float is.

    a = |x| to 24 bits,  p = a * M to 24 bits,  y = p / 2**s to an integer,  each half to even

where the factor is ``M / 2**s``, M of 24 bits.  Rounding is symmetrical, so signs stand aside; a
product too small for a normal float is far below the half that becomes 1.
"""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly, leading_zeros
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.library import tirx
from intaglio.compiler.targets.tvm.number import Number, constant, select
from intaglio.numerics.float32 import BINARY32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Float32Multiply

_PRECISION = BINARY32.precision
_MOST_SHIFT = 62
"""From there on products of 48 bits are below a half."""


def serves(x: Number, scalings: Sequence[Float32Multiply]) -> bool:
    """Whether every step of ``multiplied`` fits 64 bits."""
    moved = max(max(-_shift(each), 0) for each in scalings)
    return x.interval.signed_bits <= 63 and 2 * _PRECISION + moved < 62


def multiplied(at: Channels, scalings: Sequence[Float32Multiply], x: Number) -> Number:
    """``scalings[channel].apply(x)``."""
    if at.lanes > 1:
        raise ScalarOnly
    x = at.once(x)
    magnitude = at.once(select(x.negative(), -x, x)).within(Interval(0, x.interval.magnitude))
    product = at.once(_to_precision(at, magnitude) * at.number([_significand(s) for s in scalings]))
    rounded = _to_precision(at, product)
    moved = rounded * at.number([1 << max(-_shift(s), 0) for s in scalings])
    shifts = [min(max(_shift(s), 0), _MOST_SHIFT) for s in scalings]
    scaled = at.once(shift_right(at, at.once(moved), shifts, Rounding.HALF_EVEN))
    negative = [s.factor.negative for s in scalings]
    signs = at.number([-1 if each else 1 for each in negative]) if any(negative) else None
    found = select(x.negative(), -scaled, scaled)
    return at.once(found if signs is None else found * signs)


def _significand(scaling: Float32Multiply) -> int:
    _, magnitude, _ = scaling.factor.dyadic
    return magnitude


def _shift(scaling: Float32Multiply) -> int:
    """The power of two that the significand is divided by."""
    _, magnitude, exponent = scaling.factor.dyadic
    return -exponent if magnitude else 0


def _to_precision(at: Channels, x: Number) -> Number:
    """The nearest number with 24 significant bits, ties to even, for x of 0 or more."""
    most = x.interval.high.bit_length()
    if most <= _PRECISION:
        return x
    word = x.word(64)
    length = constant(64).word(32) - leading_zeros(word)
    beyond = tirx.max(length - constant(_PRECISION).word(32), constant(0).word(32))
    drop = at.function.bind(tirx.Cast("int64", beyond))
    kept = at.function.bind(tirx.shift_right(word, drop))
    # A half less one, and one more where what is kept is odd; nothing where nothing is dropped.
    one, zero = constant(1).word(64), constant(0).word(64)
    half = tirx.shift_right(tirx.shift_left(one, drop), one)
    odd = tirx.bitwise_and(kept, one)
    addend = tirx.Select(drop > zero, half - one + odd, zero)
    up = tirx.shift_right(word + addend, drop)
    rounded = tirx.shift_left(up, drop)
    # Rounding reaches the next power of two at most.
    return at.once(Number(rounded, Interval(0, 1 << most), 64))
