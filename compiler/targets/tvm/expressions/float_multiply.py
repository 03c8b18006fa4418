# SPDX-License-Identifier: Apache-2.0
"""Scalings by a product in floating point, each operation rounded apart."""

from collections.abc import Sequence
from fractions import Fraction

from intaglio.compiler.targets.tvm.expressions import emulated_multiply, floating
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.library import Expression
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Scaling,
)


def float_multiplied(
    at: Channels, scalings: Sequence[Scaling], x: Number, needed: Interval
) -> Number:
    """``scalings[channel].apply(x)`` of scalings of one of the three kinds that round alike."""
    double = [s for s in scalings if isinstance(s, Float64Multiply)]
    if double:
        product = floating.from_number(at, x, "float64") * at.float64([s.factor for s in double])
        bound = max(abs(s.factor.fraction) for s in double) * x.interval.magnitude
        return _rounded(at, product, "float64", Rounding.HALF_AWAY_FROM_ZERO, bound, needed)
    plain = [s for s in scalings if isinstance(s, Float32Multiply)]
    if plain and at.function.integers_alone and emulated_multiply.serves(x, plain):
        return emulated_multiply.multiplied(at, plain, x)
    single = [s for s in scalings if isinstance(s, (Float32Multiply, Float32MultiplyAdd))]
    product = floating.from_number(at, x, "float32") * at.float32([s.factor for s in single])
    bound = max(abs(s.factor.fraction) for s in single) * x.interval.magnitude
    adding = [s for s in single if isinstance(s, Float32MultiplyAdd)]
    rounding = Rounding.HALF_EVEN
    if adding:
        rounding = adding[0].rounding
        product = floating.alone(product) + at.float32([s.addend for s in adding])
        bound += max(abs(s.addend.fraction) for s in adding)
    return _rounded(at, product, "float32", rounding, bound, needed)


def _rounded(
    at: Channels,
    value: Expression,
    dtype: str,
    rounding: Rounding,
    bound: Fraction,
    needed: Interval,
) -> Number:
    integral = floating.round_to_integral(at, at.function.bind(value), dtype, rounding)
    # Each float rounding adds less than a part in 2**20, the one to an integer less than 1.
    return floating.to_number(
        at, integral, dtype, bound * Fraction((1 << 20) + 1, 1 << 20) + 1, needed
    )
