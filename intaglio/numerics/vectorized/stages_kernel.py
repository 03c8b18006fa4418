# SPDX-License-Identifier: Apache-2.0
"""Stages of hardware on whole arrays, in int64."""

from collections.abc import Sequence
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.numerics.integers import IntegerArray
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import shift_right_array
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
from intaglio.numerics.vectorized.kernel import INT64_MAX, Bounds, Workspace, part, spread


class StagesKernel:
    """Steps of one structure, with numbers of their own for each channel."""

    def __init__(self, scalings: Sequence[Stages]) -> None:
        """Lay out the parameters; all scalings have the structure of the first."""
        self._steps = scalings[0].steps
        self._limit = INT64_MAX
        for scaling in scalings:
            self._limit = _limit(scaling, self._limit)
        longest = max((s.shift for each in scalings for s in _shifts(each)), default=0)
        if longest > 63 or any(not _fits(step) for step in self._steps):
            self._limit = -1
        if self._limit < 0:
            return
        columns = zip(*(scaling.steps for scaling in scalings), strict=True)
        self._numbers = [spread([_number(step) for step in column], np.int64) for column in columns]

    @property
    def limit(self) -> int:
        """Where no step leaves int64."""
        return self._limit

    def scale(self, x: IntegerArray, work: Workspace, bounds: Bounds) -> NDArray[Any]:
        """See ``Kernel``."""
        total = work.array(np.int64, 0, x.size)
        np.copyto(total, x, casting="unsafe")
        for step, numbers in zip(self._steps, self._numbers, strict=True):
            number = part(numbers, x.size)
            match step:
                case AddStep():
                    np.add(total, number, out=total)
                case MultiplyStep():
                    np.multiply(total, number, out=total)
                case ShiftStep():
                    total[...] = shift_right_array(total, number, step.rounding)
                case WrapStep():
                    total[...] = step.type.wrap_array(total)
                case SaturateStep():
                    np.clip(total, step.type.minimum, step.type.maximum, out=total)
                case ZeroStep():
                    total[(total < step.type.minimum) | (total > step.type.maximum)] = 0
                case _:
                    assert_never(step)
        return total


def _shifts(scaling: Stages) -> list[ShiftStep]:
    return [step for step in scaling.steps if isinstance(step, ShiftStep)]


def _fits(step: Step) -> bool:
    """Whether an int64 holds every value that the step leaves."""
    return (
        not isinstance(step, WrapStep | SaturateStep | ZeroStep) or step.type.maximum <= INT64_MAX
    )


def _number(step: Step) -> int:
    match step:
        case AddStep():
            return step.value
        case MultiplyStep():
            return step.multiplier
        case ShiftStep():
            return step.shift
        case WrapStep() | SaturateStep() | ZeroStep():
            return 0
        case _:
            assert_never(step)


def _limit(scaling: Stages, known: int) -> int:
    """The largest magnitude up to ``known`` for which no step leaves int64; -1 for none."""
    if _held(scaling, known):
        return known
    if not _held(scaling, 0):
        return -1
    good, bad = 0, known
    while bad - good > 1:
        middle = (good + bad) // 2
        if _held(scaling, middle):
            good = middle
        else:
            bad = middle
    return good


def _held(scaling: Stages, magnitude: int) -> bool:
    # A number that int64 doesn't hold takes its product or sum out of int64 as well, but for 0.
    numbers = all(abs(_number(step)) <= INT64_MAX for step in scaling.steps)
    return numbers and scaling.product_bits(Interval(-magnitude, magnitude)) <= 64
