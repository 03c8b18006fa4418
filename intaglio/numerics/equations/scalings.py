# SPDX-License-Identifier: Apache-2.0
"""A scaling's equations: from the accumulator to what the zero point is added to."""

from typing import assert_never

from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.equations.functions import (
    division_function,
    keep_function,
    rounding_function,
    shift_function,
)
from intaglio.numerics.equations.statements import Equations, Number
from intaglio.numerics.integers import INT32
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

_WRAP32 = keep_function(Overflow.WRAP, INT32)
_EVEN = rounding_function(Rounding.HALF_EVEN)


def scaling_equations(scaling: Scaling, x: str, y: str, end: str = "") -> Equations:
    """The equations of ``y = scaling.apply(x)``.

    Args:
        scaling: what is explained.
        x: the operand's name.
        y: the result's.
        end: what the names between and the constants' end in.
    """
    lines: tuple[str, ...]
    m, s, f, c, p = (f"{name}{end}" for name in "msfcp")
    match scaling:
        case MultiplyShift():
            lines = (f"{p} = {x} * {m}", f"{y} = {shift_function(scaling.rounding)}({p}, {s})")
            return Equations(lines, {m: scaling.multiplier, s: scaling.shift})
        case DoubleRounding():
            h = f"h{end}"
            lines = (
                f"{p} = {_WRAP32}({x} << max({s}, 0))",
                f"{h} = doubling_high({p}, {m})",
                f"{y} = {shift_function(scaling.ties)}({h}, max(-{s}, 0))",
            )
            return Equations(lines, {m: scaling.multiplier, s: scaling.shift})
        case Int16Multiply():
            lines = (f"{p} = {x} * {m}", f"{y} = ({p} + 2**({s} - 1)) >> {s}")
            return Equations(lines, {m: scaling.reduced_multiplier, s: scaling.total_shift})
        case Float32Multiply():
            lines = (f"{y} = {_EVEN}(fl32(fl32({x}) * {f}))",)
            return Equations(lines, {f: scaling.factor.value})
        case Float32MultiplyAdd():
            rounded = rounding_function(scaling.rounding)
            lines = (f"{p} = fl32(fl32({x}) * {f})", f"{y} = {rounded}(fl32({p} + {c}))")
            return Equations(lines, {f: scaling.factor.value, c: scaling.addend.value})
        case Float64Multiply():
            rounded = rounding_function(Rounding.HALF_AWAY_FROM_ZERO)
            lines = (f"{y} = {rounded}(fl64(fl64({x}) * {f}))",)
            return Equations(lines, {f: scaling.factor.value})
        case MultiplyAddShift():
            total = f"{x} * {m} + {c}"
            if scaling.sum_type is not None:
                total = f"{keep_function(Overflow.WRAP, scaling.sum_type)}({total})"
            lines = (f"{p} = {total}", f"{y} = {shift_function(scaling.rounding)}({p}, {s})")
            numbers = {m: scaling.multiplier, c: scaling.addend, s: scaling.shift}
            return Equations(lines, numbers)
        case Shift() if scaling.shift < 0:
            return Equations((f"{y} = {x} << {s}",), {s: -scaling.shift})
        case Shift():
            lines = (f"{y} = {shift_function(scaling.rounding)}({x}, {s})",)
            return Equations(lines, {s: scaling.shift})
        case TosaScale():
            r = f"half{end}"
            first = f"2**({s} - 1)"
            if scaling.double_round:
                first += f" + (0 if {s} <= 31 else 2**30 if {x} >= 0 else -2**30)"
            lines = (f"{r} = {first}", f"{y} = ({x} * {m} + {r}) >> {s}")
            return Equations(lines, {m: scaling.multiplier, s: scaling.shift})
        case RationalMultiply():
            n, d = f"n{end}", f"d{end}"
            lines = (f"{y} = {division_function(scaling.rounding)}({x} * {n}, {d})",)
            return Equations(lines, {n: scaling.numerator, d: scaling.denominator})
        case Thresholds():
            t = f"t{end}"
            sign = "-" if scaling.descending else ""
            return Equations(
                (f"{y} = {sign}sum({x} >= step for step in {t})",), {t: scaling.values}
            )
        case Stages():
            return _stages(scaling, x, y, end)
        case _:
            assert_never(scaling)


def _stages(scaling: Stages, x: str, y: str, end: str) -> Equations:
    lines: list[str] = []
    numbers: dict[str, Number] = {}
    count = dict.fromkeys("cms", 0)

    def constant(letter: str, value: int) -> str:
        count[letter] += 1
        name = f"{letter}{count[letter] if count[letter] > 1 else ''}{end}"
        numbers[name] = value
        return name

    current = x
    for index, step in enumerate(scaling.steps, 1):
        match step:
            case AddStep():
                value = f"{current} + {constant('c', step.value)}"
            case MultiplyStep():
                value = f"{current} * {constant('m', step.multiplier)}"
            case ShiftStep():
                shift = constant("s", step.shift)
                value = f"{shift_function(step.rounding)}({current}, {shift})"
            case WrapStep():
                value = f"{keep_function(Overflow.WRAP, step.type)}({current})"
            case SaturateStep():
                value = f"{keep_function(Overflow.SATURATE, step.type)}({current})"
            case ZeroStep():
                value = f"zero_outside[{step.type}]({current})"
            case _:
                assert_never(step)
        current = y if index == len(scaling.steps) else f"v{index}{end}"
        lines.append(f"{current} = {value}")
    return Equations(tuple(lines) or (f"{y} = {x}",), numbers)
