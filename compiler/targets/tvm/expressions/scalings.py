# SPDX-License-Identifier: Apache-2.0
"""Every scaling as an expression that equals its ``apply`` on all integers of an interval."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, assert_never

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.float_multiply import float_multiplied
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.expressions.high_products import Factor
from intaglio.compiler.targets.tvm.expressions.products import multiplied
from intaglio.compiler.targets.tvm.expressions.rounding import divide, shift_right
from intaglio.compiler.targets.tvm.expressions.stages import staged
from intaglio.compiler.targets.tvm.expressions.steps import count_steps
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, select
from intaglio.numerics.integers import IntType
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

INT32 = IntType(32, signed=True)
UNBOUNDED = Interval(-(1 << 110), 1 << 110)
"""Every bit of a result counts."""

Structure = tuple[object, ...]
ScalingT = TypeVar("ScalingT", bound=Scaling)


def structure(scaling: Scaling) -> Structure:
    """What two scalings must have in common to be one expression with other constants."""
    match scaling:
        case MultiplyShift() | RationalMultiply() | Shift():
            return type(scaling), scaling.rounding
        case DoubleRounding():
            return type(scaling), scaling.ties
        case MultiplyAddShift():
            return type(scaling), scaling.rounding, scaling.sum_type
        case Thresholds():
            return type(scaling), scaling.descending
        case Float32MultiplyAdd():
            return type(scaling), scaling.rounding
        case Int16Multiply() | Float32Multiply() | Float64Multiply():
            return (type(scaling),)
        case TosaScale():
            return type(scaling), scaling.double_round
        case Stages():
            return type(scaling), scaling.structure
        case _:
            assert_never(scaling)


def scaled(
    at: Channels, scalings: Sequence[Scaling], x: Number, needed: Interval = UNBOUNDED
) -> Number:
    """``scalings[channel].apply(x)``.

    Args:
        at: where.
        scalings: one for each channel, or one; they may be of several structures.
        x: the accumulator.
        needed: results beyond it need not be told apart, if they stay beyond the same end.
    """
    x = at.once(x)
    structures = list(dict.fromkeys(structure(scaling) for scaling in scalings))
    if at.lanes > 1 and at.function.integers_alone and _in_lanes_apart(scalings):
        # LLVM 22 fails to select instructions of Helium for what these need in vectors of 64 bits;
        # and one by one, a lane computes its own form alone.
        raise ScalarOnly
    found: Number | None = None
    for number, kind in enumerate(structures):
        example = next(scaling for scaling in scalings if structure(scaling) == kind)
        # Channels of another structure compute with constants that do no harm.
        filled = [s if structure(s) == kind else example for s in scalings]
        if found is None:
            found = at.once(_of_one_structure(at, filled, x, needed))
            continue
        chosen = at.number([structures.index(structure(scaling)) for scaling in scalings])
        here = chosen.equal(at.constant(number))
        if at.function.integers_alone:
            found = _where(at, here, partial(_of_one_structure, at, filled, x, needed), found)
            continue
        result = at.once(_of_one_structure(at, filled, x, needed))
        found = at.once(select(here, result, found))
    assert found is not None
    return found


def _in_lanes_apart(scalings: Sequence[Scaling]) -> bool:
    """Whether there are several forms, or one that stands for a float scaling alone."""
    forms = {structure(scaling) for scaling in scalings}
    even = structure(MultiplyShift(1, 0, Rounding.HALF_EVEN))
    return len(forms) > 1 or even in forms or isinstance(scalings[0], MultiplyAddShift)


def _where(at: Channels, here: Expression, result: Callable[[], Number], other: Number) -> Number:
    """One of two numbers; the first is computed only where it is wanted."""
    function, here = at.function, at.function.bind(here)
    with function.when(here):
        found = result()
        bits = max(found.bits, other.bits)
        cell = function.local(f"int{bits}", 1)
        function.store(cell, index(0), found.word(bits))
    with function.when(tirx.Not(here)):
        function.store(cell, index(0), other.word(bits))
    kept = function.bind(load(cell, index(0)))
    return Number(kept, found.interval | other.interval, bits)


def _of_one_structure(
    at: Channels, scalings: Sequence[Scaling], x: Number, needed: Interval
) -> Number:
    first = scalings[0]
    match first:
        case MultiplyShift():
            return _multiply_shift(at, _all(first, scalings), x)
        case Int16Multiply():
            return _int16_multiply(at, _all(first, scalings), x)
        case DoubleRounding():
            return _double_rounding(at, _all(first, scalings), x)
        case MultiplyAddShift():
            return _multiply_add_shift(at, _all(first, scalings), x)
        case Shift():
            return _shift(at, _all(first, scalings), x)
        case TosaScale():
            return _tosa_scale(at, _all(first, scalings), x)
        case RationalMultiply():
            return _rational_multiply(at, _all(first, scalings), x)
        case Thresholds():
            count = count_steps(at, [s.values for s in _all(first, scalings)], x)
            return -count if first.descending else count
        case Float32Multiply() | Float32MultiplyAdd() | Float64Multiply():
            return float_multiplied(at, scalings, x, needed)
        case Stages():
            return staged(at, _all(first, scalings), x)
        case _:
            assert_never(first)


def _all(first: ScalingT, scalings: Sequence[Scaling]) -> list[ScalingT]:
    return [scaling for scaling in scalings if isinstance(scaling, type(first))]


def high_multiply(at: Channels, a: Number, b: Number) -> Number:
    """SRDHM of two int32."""
    rounded = (a * b + at.constant(1 << 30)) >> at.constant(31)
    return at.once(rounded.minimum(at.constant(INT32.maximum)))


def _multiply_shift(at: Channels, scalings: Sequence[MultiplyShift], x: Number) -> Number:
    factors = [Factor(s.multiplier, s.shift) for s in scalings]
    return multiplied(at, factors, scalings[0].rounding, x)


def _int16_multiply(at: Channels, scalings: Sequence[Int16Multiply], x: Number) -> Number:
    product = x * at.number([s.reduced_multiplier for s in scalings])
    shifts = [s.total_shift for s in scalings]
    return shift_right(at, product, shifts, Rounding.HALF_TOWARD_POSITIVE)


def _multiply_add_shift(at: Channels, scalings: Sequence[MultiplyAddShift], x: Number) -> Number:
    total = x * at.number([s.multiplier for s in scalings])
    total = at.once(total + at.number([s.addend for s in scalings]))
    if scalings[0].sum_type is not None:
        total = total.wrap(scalings[0].sum_type)
    return shift_right(at, total, [s.shift for s in scalings], scalings[0].rounding)


def _shift(at: Channels, scalings: Sequence[Shift], x: Number) -> Number:
    left = x * at.number([1 << max(-s.shift, 0) for s in scalings])
    return shift_right(at, left, [max(s.shift, 0) for s in scalings], scalings[0].rounding)


def _rational_multiply(at: Channels, scalings: Sequence[RationalMultiply], x: Number) -> Number:
    product = x * at.number([s.numerator for s in scalings])
    divisor = at.number([s.denominator for s in scalings])
    return divide(at, product, divisor, scalings[0].rounding)


def _double_rounding(at: Channels, scalings: Sequence[DoubleRounding], x: Number) -> Number:
    moved = at.once(x * at.number([1 << max(s.shift, 0) for s in scalings])).wrap(INT32)
    high = high_multiply(at, at.once(moved), at.number([s.multiplier for s in scalings]))
    return shift_right(at, high, [max(-s.shift, 0) for s in scalings], scalings[0].ties)


def _tosa_scale(at: Channels, scalings: Sequence[TosaScale], x: Number) -> Number:
    product = x * at.number([s.multiplier for s in scalings])
    shifts = [s.shift for s in scalings]
    if not scalings[0].double_round:
        return shift_right(at, product, shifts, Rounding.HALF_TOWARD_POSITIVE)
    # With both roundings in one addend: what the first adds depends on the sign.
    first = at.number([1 << 30 if shift > 31 else 0 for shift in shifts])
    product += select(x.negative(), -first, first)
    return shift_right(at, product, shifts, Rounding.HALF_TOWARD_POSITIVE)
