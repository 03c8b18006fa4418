# SPDX-License-Identifier: Apache-2.0
"""Stages of hardware as one expression, numbers by channel.

A multiplier, the register of its product where no product leaves it, an addend and the shift are
one product and one rounding: the addend goes behind the shift where it is a whole number there,
and the rounding moves with it.
"""

from collections.abc import Sequence
from typing import assert_never

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.high_products import Factor
from intaglio.compiler.targets.tvm.expressions.products import multiplied
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.number import Number, select
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
    ZeroStep,
)

Column = Sequence[Step]
"""One step of every channel."""

_MOVES_WITH_INTEGERS = (
    Rounding.FLOOR,
    Rounding.CEIL,
    Rounding.HALF_TOWARD_POSITIVE,
    Rounding.HALF_TOWARD_NEGATIVE,
)
"""round(x + n) = round(x) + n for every integer n; the others look at the sign or the parity."""


def staged(at: Channels, scalings: Sequence[Stages], x: Number) -> Number:
    """``scalings[channel].apply(x)``; all have one structure."""
    columns: list[Column] = list(zip(*(scaling.steps for scaling in scalings), strict=True))
    while columns:
        x = at.once(x)
        taken = _product(at, columns, x)
        if taken is None:
            x, columns = _step(at, columns[0], x), columns[1:]
        else:
            x, columns = taken
    return at.once(x)


def _product(
    at: Channels, columns: Sequence[Column], x: Number
) -> tuple[Number, list[Column]] | None:
    """A product that is shifted, and the columns behind it; None where the next ones are others."""
    multipliers = [step.multiplier for step in columns[0] if isinstance(step, MultiplyStep)]
    if not multipliers:
        return None
    product = x.interval * Interval(min(multipliers), max(multipliers))
    rest = list(columns[1:])
    while rest and _holds(rest[0], product):
        del rest[0]
    addends = [step.value for step in rest[0] if isinstance(step, AddStep)] if rest else []
    if addends:
        del rest[0]
    if not rest or not isinstance(rest[0][0], ShiftStep):
        return None
    shifts = [step.shift for step in rest[0] if isinstance(step, ShiftStep)]
    rounding = rest[0][0].rounding
    factors = [Factor(m, shift) for m, shift in zip(multipliers, shifts, strict=True)]
    if not addends:
        return multiplied(at, factors, rounding, x), rest[1:]
    whole = all(value % (1 << shift) == 0 for value, shift in zip(addends, shifts, strict=True))
    if not whole or rounding not in _MOVES_WITH_INTEGERS:
        return None
    moved = [value >> shift for value, shift in zip(addends, shifts, strict=True)]
    return multiplied(at, factors, rounding, x) + at.number(moved), rest[1:]


def _holds(column: Column, product: Interval) -> bool:
    """Whether the next step is a register that every product fits."""
    match column[0]:
        case WrapStep(type=type) | SaturateStep(type=type) | ZeroStep(type=type):
            return type.interval.contains(product)
        case _:
            return False


def _step(at: Channels, column: Column, x: Number) -> Number:
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
            return _saturated(at, x, first.type.interval)
        case ZeroStep():
            kept = at.once(_saturated(at, x, first.type.interval))
            return select(kept.equal(x), kept, at.constant(0))
        case _:
            assert_never(first)


def _saturated(at: Channels, x: Number, register: Interval) -> Number:
    if x.interval.low < register.low:
        x = x.maximum(at.constant(register.low))
    if x.interval.high > register.high:
        x = x.minimum(at.constant(register.high))
    return x
