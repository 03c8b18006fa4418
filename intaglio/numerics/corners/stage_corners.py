# SPDX-License-Identifier: Apache-2.0
"""The corners of a requantizer that is a row of integer steps."""

from collections.abc import Callable, Iterator
from typing import assert_never

from intaglio.numerics.corners.bins import Outcome
from intaglio.numerics.corners.branches import Branch, RoundingStage
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.value_corners import level_run, word_outcomes
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide
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
from intaglio.numerics.scalings.stages import apply_step


def step_name(number: int, step: Step) -> str:
    """``3 shift``: the third step, a shift."""
    match step:
        case AddStep():
            word = "add"
        case MultiplyStep():
            word = "multiply"
        case ShiftStep():
            word = "shift"
        case WrapStep():
            word = "wrap"
        case SaturateStep():
            word = "saturate"
        case ZeroStep():
            word = "zero"
        case _:
            assert_never(step)
    return f"{number} {word}"


def register_outcomes(scaling: Stages, accumulators: Progression) -> Iterator[Outcome]:
    """Where values leave the registers that cut them, and where products need their last bit."""
    left = accumulators
    for number, step in enumerate(scaling.steps, 1):
        before, direction = _prefix(scaling, number - 1)
        match step:
            case WrapStep(type=type) | SaturateStep(type=type) | ZeroStep(type=type):
                clear = level_run(before, direction, type.interval, left)
                word = clear.hull if isinstance(clear, Progression) else None
                yield from word_outcomes(step_name(number, step), word, left)
                if not isinstance(clear, Progression):
                    return
                left = clear
            case MultiplyStep():
                product, sign = _prefix(scaling, number)
                ends = [product(x) for x in (left.hull.low, left.hull.high)]
                bits = Interval(min(ends), max(ends)).signed_bits
                half = 1 << max(bits - 2, 0)
                narrow = level_run(product, sign, Interval(-half, half - 1), left)
                word = narrow.hull if isinstance(narrow, Progression) else None
                yield from word_outcomes(f"{step_name(number, step)} of {bits} bits", word, left)
            case AddStep() | ShiftStep():
                pass
            case _:
                assert_never(step)


def step_rounding_stages(scaling: Stages, domain: Progression) -> tuple[RoundingStage, ...]:
    """The shifts, on accumulators that no register cuts.

    What a shift gives becomes the variable of the steps behind it.  It takes on every integer of
    its range where neighbours lie at most one unit of the shift apart; where they lie farther, what
    comes later is left undecided.
    """
    left = _uncut(scaling, domain)
    if left is None:
        return ()
    stages: list[RoundingStage] = []
    variables, slope, offset = left.indices, left.step, left.first
    lift: Callable[[int], int] | None = None
    complete = True
    for number, step in enumerate(scaling.steps, 1):
        match step:
            case AddStep(value=value):
                offset += value
            case MultiplyStep(multiplier=multiplier):
                slope, offset = slope * multiplier, offset * multiplier
            case ShiftStep(shift=shift, rounding=rounding):
                branch = Branch(
                    variables,
                    slope,
                    offset,
                    1 << shift,
                    left.first,
                    left.step,
                    left.hull,
                    lift=lift,
                )
                branches = (branch,) if complete else ()
                stages.append(RoundingStage(step_name(number, step), rounding, branches, complete))
                complete = complete and abs(slope) <= 1 << shift
                variables = _results(branch, rounding)
                slope, offset, lift = 1, 0, _lift(scaling, number, left)
            case WrapStep() | SaturateStep() | ZeroStep():
                pass
            case _:
                assert_never(step)
    return tuple(stages)


def _prefix(scaling: Stages, count: int) -> tuple[Callable[[int], int], int]:
    """The first ``count`` steps as a function, and its direction where nothing wraps."""
    steps = scaling.steps[:count]

    def value(x: int) -> int:
        for step in steps:
            x = apply_step(step, x)
        return x

    return value, Stages(steps).direction


def _uncut(scaling: Stages, domain: Progression) -> Progression | None:
    left = domain
    for number, step in enumerate(scaling.steps):
        if isinstance(step, WrapStep | SaturateStep | ZeroStep):
            before, direction = _prefix(scaling, number)
            clear = level_run(before, direction, step.type.interval, left)
            if not isinstance(clear, Progression):
                return None
            left = clear
    return left


def _results(branch: Branch, rounding: Rounding) -> Interval:
    ends = [
        divide(branch.rounded(t), branch.denominator, rounding)
        for t in (branch.variables.low, branch.variables.high)
    ]
    return Interval(min(ends), max(ends))


def _lift(scaling: Stages, count: int, domain: Progression) -> Callable[[int], int]:
    """The first accumulator for which the first ``count`` steps give a value that they can give."""
    value, direction = _prefix(scaling, count)

    def accumulator(wanted: int) -> int:
        index = domain.first_index(lambda x: direction * value(x) >= direction * wanted)
        return domain.at(domain.indices.high if index is None else index)

    return accumulator
