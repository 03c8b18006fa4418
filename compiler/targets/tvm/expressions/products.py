# SPDX-License-Identifier: Apache-2.0
"""Products with constants, rounded after a shift: the quickest form that serves."""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.expressions import high_products
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.high_products import Factor
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.rounding import Rounding


def multiplied(at: Channels, factors: Sequence[Factor], rounding: Rounding, x: Number) -> Number:
    """``round(x * multiplier / 2**shift)`` by channel."""
    if high_products.serves(at, factors, rounding, x):
        return high_products.multiplied(at, factors, rounding, x)
    product = x * at.number([factor.multiplier for factor in factors])
    return shift_right(at, product, [factor.shift for factor in factors], rounding)
