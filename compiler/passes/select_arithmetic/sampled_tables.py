# SPDX-License-Identifier: Apache-2.0
"""Real functions as tables of samples of the profile's size."""

from collections.abc import Callable
from fractions import Fraction

from intaglio.compiler.ir.types import Quantization
from intaglio.numerics.functions import Real
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.table_method import Extrapolation, Interpolation, TableMethod
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.sampled_table import SampledTable


def sampled_table(
    method: TableMethod,
    function: Callable[[Fraction], Real],
    source: Quantization,
    element: IntType,
    target: Quantization,
) -> SampledTable:
    """The table that the method makes of a function.

    entry[k] = saturate(half_away(function(s_x (q - z_x)) / s_y * 2**fraction_bits)) with
    q = first + k * 2**step_bits, or (2**step_bits - 1) / 2 more where nothing is interpolated.

    Args:
        method: its size.
        function: of the real operand.
        source: the operand's quantization.
        element: the operand's type.
        target: the result's quantization.
    """
    linear = method.interpolation is Interpolation.LINEAR
    first = element.minimum if method.first is None else method.first
    middle = Fraction(0) if linear else Fraction((1 << method.step_bits) - 1, 2)
    word = IntType(method.entry_bits, signed=True)
    unit = target.scale.fraction / (1 << method.fraction_bits)

    def entry(k: int) -> int:
        x = (first + (k << method.step_bits) + middle - source.zero_point) * source.scale.fraction
        return word.saturate(function(x).rounded_to_integer(unit, Rounding.HALF_AWAY_FROM_ZERO))

    return SampledTable(
        tuple(entry(k) for k in range(method.entries)),
        first,
        method.step_bits,
        linear,
        method.extrapolation is Extrapolation.HOLD,
        method.fraction_bits,
        method.rounding,
        target.zero_point,
    )
