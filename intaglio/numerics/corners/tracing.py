# SPDX-License-Identifier: Apache-2.0
"""What every stage of a requantizer makes of an accumulator."""

from dataclasses import dataclass
from typing import assert_never

from intaglio.numerics import float32
from intaglio.numerics.corners.stage_corners import step_name
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32
from intaglio.numerics.requantizers import Requantizer
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
    saturating_rounding_doubling_high_multiply,
)
from intaglio.numerics.scalings.stages import apply_step


@dataclass(frozen=True, slots=True)
class StageValue:
    """What a stage gives: an integer of whatever width, or a float."""

    stage: str
    value: int | Float32 | Float64


def trace(requantizer: Requantizer, x: int) -> tuple[StageValue, ...]:
    """The value behind each stage, in order; the last, ``code``, is ``requantizer.apply(x)``.

    >>> from intaglio.numerics.rounding import Rounding
    >>> half = Requantizer(MultiplyShift(3, 1, Rounding.HALF_EVEN), 10, -128, 15)
    >>> [(each.stage, each.value) for each in trace(half, 5)]
    [('product', 15), ('scaled', 8), ('zero point', 18), ('code', 15)]
    """
    scaled = requantizer.scaling.apply(x)
    shifted = scaled + requantizer.zero_point
    return (
        *_before_rounding(requantizer.scaling, x),
        StageValue("scaled", scaled),
        StageValue("zero point", shifted),
        StageValue("code", min(max(shifted, requantizer.low), requantizer.high)),
    )


def _before_rounding(scaling: Scaling, x: int) -> tuple[StageValue, ...]:
    """What stands before the last rounding."""
    match scaling:
        case MultiplyShift(multiplier=multiplier) | TosaScale(multiplier=multiplier):
            return (StageValue("product", x * multiplier),)
        case RationalMultiply(numerator=numerator):
            return (StageValue("product", x * numerator),)
        case Int16Multiply():
            return (StageValue("product", x * scaling.reduced_multiplier),)
        case MultiplyAddShift():
            product = x * scaling.multiplier
            total = product + scaling.addend
            word = scaling.sum_type
            held = total if word is None else word.wrap(total)
            return StageValue("product", product), StageValue("sum", held)
        case DoubleRounding():
            shifted = INT32.wrap(x << max(scaling.shift, 0))
            high = saturating_rounding_doubling_high_multiply(shifted, scaling.multiplier)
            return StageValue("left shift", shifted), StageValue("high multiply", high)
        case Float32Multiply(factor=factor):
            single = Float32.from_integer(x)
            return StageValue("converted", single), StageValue(
                "product", float32.multiply(single, factor)
            )
        case Float32MultiplyAdd(factor=factor, addend=addend):
            single = Float32.from_integer(x)
            product32 = float32.multiply(single, factor)
            return (
                StageValue("converted", single),
                StageValue("product", product32),
                StageValue("sum", float32.add(product32, addend)),
            )
        case Float64Multiply(factor=wide):
            double = Float64.from_integer(x)
            return StageValue("converted", double), StageValue(
                "product", float32.multiply(double, wide)
            )
        case Stages():
            values: list[StageValue] = []
            for number, step in enumerate(scaling.steps, 1):
                x = apply_step(step, x)
                values.append(StageValue(step_name(number, step), x))
            return tuple(values)
        case Shift() | Thresholds():
            return ()
        case _:
            assert_never(scaling)
