# SPDX-License-Identifier: Apache-2.0
"""The rounding stages and the words of every scaling."""

from dataclasses import replace
from typing import assert_never

from intaglio.numerics.corners.branches import RoundingStage
from intaglio.numerics.corners.float_branches import (
    affine_branch,
    conversion_stage,
    float_stages,
    product_stage,
)
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.stage_corners import step_rounding_stages
from intaglio.numerics.integers import INT32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Scaling,
    Shift,
    Stages,
    Thresholds,
    TosaScale,
)


def affine_product(scaling: Scaling) -> tuple[int, int] | None:
    """Slope and offset of the integer that the first stage rounds; None where there is none.

    TOSA's double rounding has another offset on either side of zero, and no word of its own.  Of
    ``Stages``, every step is looked at by itself.
    """
    match scaling:
        case MultiplyShift(multiplier=multiplier):
            return multiplier, 0
        case RationalMultiply(numerator=numerator):
            return numerator, 0
        case Int16Multiply():
            return scaling.reduced_multiplier, 0
        case MultiplyAddShift(multiplier=multiplier, addend=addend):
            return multiplier, addend
        case DoubleRounding(multiplier=multiplier, shift=shift):
            return multiplier << max(shift, 0), 0
        case TosaScale(multiplier=multiplier):
            return multiplier, 0
        case Shift(shift=shift):
            return 1 << max(-shift, 0), 0
        case Float32Multiply() | Float32MultiplyAdd() | Float64Multiply() | Thresholds() | Stages():
            return None
        case _:
            assert_never(scaling)


def rounding_stages(scaling: Scaling, domain: Progression) -> tuple[RoundingStage, ...]:
    """The stages that discard a fraction, on accumulators on which nothing wraps."""
    match scaling:
        case MultiplyShift(multiplier=multiplier, shift=shift, rounding=rounding):
            return (_affine("shift", rounding, domain, multiplier, 0, 1 << shift),)
        case Shift(shift=shift, rounding=rounding):
            divisor, factor = 1 << max(shift, 0), 1 << max(-shift, 0)
            return (_affine("shift", rounding, domain, factor, 0, divisor),)
        case RationalMultiply(numerator=numerator, denominator=denominator, rounding=rounding):
            return (_affine("divide", rounding, domain, numerator, 0, denominator),)
        case Int16Multiply():
            up, divisor = Rounding.HALF_TOWARD_POSITIVE, 1 << scaling.total_shift
            return (_affine("shift", up, domain, scaling.reduced_multiplier, 0, divisor),)
        case MultiplyAddShift(multiplier=multiplier, addend=addend, shift=shift, rounding=rounding):
            return (_affine("shift", rounding, domain, multiplier, addend, 1 << shift),)
        case TosaScale():
            return (_tosa(scaling, domain),)
        case DoubleRounding():
            return _double_rounding(scaling, domain)
        case Float32Multiply(factor=factor):
            return float_stages(factor, Rounding.HALF_EVEN, domain)
        case Float64Multiply(factor=factor):
            return float_stages(factor, Rounding.HALF_AWAY_FROM_ZERO, domain)
        case Float32MultiplyAdd(factor=factor):
            return conversion_stage(factor, domain), product_stage(factor, domain)
        case Stages():
            return step_rounding_stages(scaling, domain)
        case Thresholds():
            return ()
        case _:
            assert_never(scaling)


def _affine(
    name: str, mode: Rounding, domain: Progression, slope: int, offset: int, divisor: int
) -> RoundingStage:
    return RoundingStage(name, mode, (affine_branch(domain, slope, offset, divisor),))


def _tosa(scaling: TosaScale, domain: Progression) -> RoundingStage:
    """The half is the rounding's; what double rounding adds beyond it differs by sign."""
    extra = 1 << 30 if scaling.double_round and scaling.shift > 31 else 0
    sides = (
        (domain.within(Interval(0, max(domain.hull.high, 0))), extra),
        (domain.within(Interval(min(domain.hull.low, -1), -1)), -extra),
    )
    branches = tuple(
        affine_branch(side, scaling.multiplier, offset, 1 << scaling.shift)
        for side, offset in sides
        if side is not None
    )
    return RoundingStage("shift", Rounding.HALF_TOWARD_POSITIVE, branches)


def _double_rounding(scaling: DoubleRounding, domain: Progression) -> tuple[RoundingStage, ...]:
    """The high multiply's half goes toward plus infinity, and so into the second stage."""
    slope = scaling.multiplier << max(scaling.shift, 0)
    saturates = slope * domain.hull.low == INT32.minimum * INT32.minimum
    rest = domain.within(Interval(domain.hull.low + 1, domain.hull.high)) if saturates else domain
    if rest is None:
        return ()
    up = Rounding.HALF_TOWARD_POSITIVE
    high = affine_branch(rest, slope, 0, 1 << 31)
    shift = replace(high, unit=1 << 31, inner=up, denominator=1 << max(-scaling.shift, 0))
    return (
        RoundingStage("high multiply", up, (high,)),
        RoundingStage("shift", scaling.ties, (shift,)),
    )
