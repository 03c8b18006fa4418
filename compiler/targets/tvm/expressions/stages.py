# SPDX-License-Identifier: Apache-2.0
"""Stages of hardware as one expression, numbers by channel."""

from collections.abc import Sequence
from typing import assert_never

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
)


def staged(at: Channels, scalings: Sequence[Stages], x: Number) -> Number:
    """``scalings[channel].apply(x)``; all have one structure."""
    for column in zip(*(scaling.steps for scaling in scalings), strict=True):
        x = at.once(_step(at, column, x))
    return x


def _step(at: Channels, column: Sequence[Step], x: Number) -> Number:
    first = column[0]
    match first:
        case AddStep():
            return x + at.number([s.value for s in column if isinstance(s, AddStep)])
        case MultiplyStep():
            return x * at.number([s.multiplier for s in column if isinstance(s, MultiplyStep)])
        case ShiftStep():
            shifts = [s.shift for s in column if isinstance(s, ShiftStep)]
            return shift_right(at, x, shifts, first.rounding)
        case WrapStep():
            return x.wrap(first.type)
        case SaturateStep():
            low, high = at.constant(first.type.minimum), at.constant(first.type.maximum)
            return x.maximum(low).minimum(high)
        case _:
            assert_never(first)
