# SPDX-License-Identifier: Apache-2.0
"""What a scaling would be in the real numbers: a factor, an offset, one rounding at the end."""

from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    AddStep,
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    MultiplyStep,
    RationalMultiply,
    SaturateStep,
    Scaling,
    Shift,
    ShiftStep,
    Stages,
    Thresholds,
    TosaScale,
    WrapStep,
    ZeroStep,
)

_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class RealScaling:
    """``y = round(x * factor + offset)``.

    Attributes:
        factor: the real number that the scaling multiplies by, exact.
        offset: what it adds before it rounds.
        rounding: how its last step rounds.
    """

    factor: Fraction
    offset: Fraction
    rounding: Rounding


def real_scaling(scaling: Scaling) -> RealScaling | None:
    """The factor, offset and last rounding of a scaling; None where it has no factor.

    The scaling itself may differ: it may round more than once, or wrap.

    >>> from intaglio.numerics.scalings import MultiplyShift
    >>> real_scaling(MultiplyShift(3, 2, Rounding.FLOOR)).factor
    Fraction(3, 4)
    """
    match scaling:
        case MultiplyShift(multiplier, shift, rounding):
            return RealScaling(Fraction(multiplier, 1 << shift), _ZERO, rounding)
        case MultiplyAddShift(multiplier, addend, shift, rounding):
            one = 1 << shift
            return RealScaling(Fraction(multiplier, one), Fraction(addend, one), rounding)
        case DoubleRounding(multiplier, shift, ties):
            return RealScaling(multiplier * Fraction(2) ** (shift - 31), _ZERO, ties)
        case Int16Multiply():
            factor = Fraction(scaling.reduced_multiplier, 1 << scaling.total_shift)
            return RealScaling(factor, _ZERO, Rounding.HALF_TOWARD_POSITIVE)
        case TosaScale(multiplier, shift):
            factor = Fraction(multiplier, 1 << shift)
            return RealScaling(factor, _ZERO, Rounding.HALF_TOWARD_POSITIVE)
        case Shift(shift, rounding):
            return RealScaling(Fraction(2) ** -shift, _ZERO, rounding)
        case RationalMultiply(numerator, denominator, rounding):
            return RealScaling(Fraction(numerator, denominator), _ZERO, rounding)
        case Float32Multiply(factor):
            return RealScaling(factor.fraction, _ZERO, Rounding.HALF_EVEN)
        case Float64Multiply(factor):
            return RealScaling(factor.fraction, _ZERO, Rounding.HALF_AWAY_FROM_ZERO)
        case Float32MultiplyAdd(factor, addend, rounding):
            return RealScaling(factor.fraction, addend.fraction, rounding)
        case Thresholds():
            return None
        case Stages():
            return _composed(scaling)
        case _:
            assert_never(scaling)


def _composed(scaling: Stages) -> RealScaling:
    factor, offset, rounding = Fraction(1), _ZERO, Rounding.FLOOR
    for step in scaling.steps:
        match step:
            case AddStep():
                offset += step.value
            case MultiplyStep():
                factor, offset = factor * step.multiplier, offset * step.multiplier
            case ShiftStep():
                factor, offset = factor / (1 << step.shift), offset / (1 << step.shift)
                rounding = step.rounding
            case WrapStep() | SaturateStep() | ZeroStep():
                pass
            case _:
                assert_never(step)
    return RealScaling(factor, offset, rounding)
