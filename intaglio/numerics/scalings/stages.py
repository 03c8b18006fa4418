# SPDX-License-Identifier: Apache-2.0
"""A requantizer as hardware builds it: one integer operation after another."""

from dataclasses import dataclass
from typing import assert_never

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right
from intaglio.numerics.scalings.primitives import sign_of

_FARTHEST = 1 << 66
"""Beyond any accumulator."""


@dataclass(frozen=True, slots=True)
class AddStep:
    """``x + value``."""

    value: int


@dataclass(frozen=True, slots=True)
class MultiplyStep:
    """``x * multiplier``."""

    multiplier: int


@dataclass(frozen=True, slots=True)
class ShiftStep:
    """``round(x / 2**shift)``.

    Raises:
        InvalidOption: the shift is negative.
    """

    shift: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Refuse a left shift: it belongs into a multiplier."""
        if self.shift < 0:
            raise InvalidOption("shift", self.shift, "is negative", "multiply instead")


@dataclass(frozen=True, slots=True)
class WrapStep:
    """The value of ``type`` that equals x modulo ``2**bits``: a register of low bits."""

    type: IntType


@dataclass(frozen=True, slots=True)
class SaturateStep:
    """The value of ``type`` nearest to x."""

    type: IntType


@dataclass(frozen=True, slots=True)
class ZeroStep:
    """x where ``type`` holds it, else 0: AP_SAT_ZERO."""

    type: IntType


Step = AddStep | MultiplyStep | ShiftStep | WrapStep | SaturateStep | ZeroStep


def apply_step(step: Step, x: int) -> int:
    """What one step makes of an integer."""
    match step:
        case AddStep():
            return x + step.value
        case MultiplyStep():
            return x * step.multiplier
        case ShiftStep():
            return shift_right(x, step.shift, step.rounding)
        case WrapStep():
            return step.type.wrap(x)
        case SaturateStep():
            return step.type.saturate(x)
        case ZeroStep():
            return x if step.type.contains(x) else 0
        case _:
            assert_never(step)


def step_interval(step: Step, x: Interval) -> Interval:
    """What one step makes of an interval; where it isn't proved that nothing wraps, the type."""
    if isinstance(step, WrapStep | ZeroStep) and not step.type.interval.contains(x):
        return step.type.interval
    return Interval.hull_of(apply_step(step, end) for end in (x.low, x.high))


@dataclass(frozen=True, slots=True)
class Stages:
    """``y`` = each of ``steps`` in turn, from the accumulator on."""

    steps: tuple[Step, ...]

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        for step in self.steps:
            x = apply_step(step, x)
        return x

    def intervals(self, accumulator: Interval) -> tuple[Interval, ...]:
        """What stands before the first step, and behind each: one more than there are steps."""
        found = [accumulator]
        for step in self.steps:
            found.append(step_interval(step, found[-1]))
        return tuple(found)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold every intermediate value before it is cut."""
        widest = accumulator
        for step, x in zip(self.steps, self.intervals(accumulator), strict=False):
            widest |= x
            if isinstance(step, AddStep | MultiplyStep):
                widest |= step_interval(step, x)
            if isinstance(step, ShiftStep) and step.shift and step.rounding.to_nearest:
                widest |= x + Interval(0, 1 << (step.shift - 1))
        return widest.signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """The accumulators for which nothing wraps or turns to 0; all integers where nothing can.

        ``[0, 0]`` where even 0 wraps: one value is trivially monotone.
        """
        if not any(isinstance(step, WrapStep | ZeroStep) for step in self.steps):
            return None
        if not self._wraps_nothing(0):
            return Interval(0, 0)
        ends = (self._last_without_wrap(side) for side in (-1, 1))
        low, high = ends
        if low == -_FARTHEST and high == _FARTHEST:
            return None
        return Interval(low, high)

    def _last_without_wrap(self, side: int) -> int:
        """The farthest accumulator on one side of 0 up to which nothing wraps."""
        good, bad = 0, _FARTHEST
        if self._wraps_nothing(side * bad):
            return side * bad
        # What stands before the first wrap is monotone, so it leaves the type once and for all.
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._wraps_nothing(side * middle):
                good = middle
            else:
                bad = middle
        return side * good

    def _wraps_nothing(self, x: int) -> bool:
        for step in self.steps:
            if isinstance(step, WrapStep | ZeroStep) and not step.type.contains(x):
                return False
            x = apply_step(step, x)
        return True

    @property
    def direction(self) -> int:
        """The product of the multipliers' signs."""
        direction = 1
        for step in self.steps:
            if isinstance(step, MultiplyStep):
                direction *= sign_of(step.multiplier)
        return direction

    @property
    def structure(self) -> tuple[object, ...]:
        """Equal for stages that differ in numbers alone, not in what is done with them."""
        return tuple(_structure(step) for step in self.steps)


def _structure(step: Step) -> tuple[object, ...]:
    match step:
        case AddStep() | MultiplyStep():
            return (type(step),)
        case ShiftStep():
            return type(step), step.rounding
        case WrapStep() | SaturateStep() | ZeroStep():
            return type(step), step.type
        case _:
            assert_never(step)
