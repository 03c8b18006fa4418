# SPDX-License-Identifier: Apache-2.0
"""From a power of two to a cast between fixed-point types: rounding, then overflow."""

from fractions import Fraction
from typing import assert_never

from intaglio.errors import InvalidOption
from intaglio.numerics import multipliers
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.schemes import CastOverflow, FixedPointCastScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyStep,
    Shift,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
    ZeroStep,
)


def cast_requantizer(
    scheme: FixedPointCastScheme,
    real: Fraction,
    zero_point: int,
    low: int,
    high: int,
    result: IntType,
) -> Requantizer:
    """The cast of ``x * real`` to ``result``, whose value ``zero_point`` stands for 0.

    Args:
        scheme: rounding and overflow.
        real: a power of two.
        zero_point: the result's.
        low: the least code, of an activation.
        high: the greatest.
        result: the type of the codes.

    Raises:
        InvalidOption: ``real`` is no power of two; or overflow gives 0, which is no code.
    """
    shift = multipliers.power_of_two_shift(real, scheme.rounding, multipliers.PowerOfTwo.EXACT)
    match scheme.overflow:
        case CastOverflow.SATURATE:
            return Requantizer(shift, zero_point, low, high)
        case CastOverflow.SATURATE_SYMMETRIC:
            least = result.minimum + 1 if result.signed and result.bits > 1 else result.minimum
            return Requantizer(shift, zero_point, min(max(low, least), high), high)
        case CastOverflow.WRAP:
            steps = (_shifted(shift), AddStep(zero_point), WrapStep(result))
            return Requantizer(Stages(steps), 0, low, high)
        case CastOverflow.ZERO:
            if zero_point:
                raise InvalidOption(
                    "zero point",
                    zero_point,
                    "isn't the 0 that stands for what overflows",
                    "quantize with symmetric activations, or take another overflow",
                )
            return Requantizer(Stages((_shifted(shift), ZeroStep(result))), 0, low, high)
        case _:
            assert_never(scheme.overflow)


def _shifted(shift: Shift) -> Step:
    if shift.shift < 0:
        return MultiplyStep(1 << -shift.shift)
    return ShiftStep(shift.shift, shift.rounding)
