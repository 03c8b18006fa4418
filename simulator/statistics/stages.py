# SPDX-License-Identifier: Apache-2.0
"""Registers inside a requantizer of stages: what they cut off, or keep the low bits of."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import shift_right_array
from intaglio.numerics.scalings import Stages
from intaglio.numerics.scalings.stages import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Step,
    WrapStep,
    ZeroStep,
    apply_step,
)
from intaglio.simulator.statistics.tallies import Tallied
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array

_LONGEST = 62
"""Bits of intermediate values up to which machine words are exact."""


def leaving_channels(requantizers: Sequence[Requantizer], x: Interval) -> tuple[int, ...]:
    """The requantizers of which some register can be left by accumulators of an interval."""
    return tuple(at for at, each in enumerate(requantizers) if _can_leave(each, x))


def _can_leave(requantizer: Requantizer, x: Interval) -> bool:
    if not isinstance(requantizer.scaling, Stages):
        return False
    intervals = requantizer.scaling.intervals(x)
    return any(
        isinstance(step, WrapStep | SaturateStep | ZeroStep)
        and not step.type.interval.contains(before)
        for step, before in zip(requantizer.scaling.steps, intervals, strict=False)
    )


def count_left(
    requantizers: Sequence[Requantizer], leaving: Sequence[int], x: Array, within: Interval
) -> Tallied:
    """By index of the last axis, how often a register was left.

    Args:
        requantizers: one, or one for each index of the last axis.
        leaving: those of them that need a look.
        x: the accumulators.
        within: where they lie.
    """
    rows = x.reshape(-1, x.shape[-1] if x.ndim else 1)
    counts = np.zeros(rows.shape[1], np.int64)
    for at in leaving:
        scaling = requantizers[at].scaling
        assert isinstance(scaling, Stages)
        some = slice(None) if len(requantizers) == 1 else slice(at, at + 1)
        word = INT64 if _in_machine_words(scaling, within) else OBJECT
        counts[some] += _left(scaling.steps, rows[:, some].astype(word))
    return counts


def _in_machine_words(scaling: Stages, within: Interval) -> bool:
    registers = [
        step.type.interval.signed_bits
        for step in scaling.steps
        if isinstance(step, WrapStep | SaturateStep | ZeroStep)
    ]
    return max(scaling.product_bits(within), *registers) <= _LONGEST


def _left(steps: Sequence[Step], values: Array) -> Tallied:
    counts = np.zeros(values.shape[1], np.int64)
    for step in steps:
        match step:
            case WrapStep() | SaturateStep() | ZeroStep():
                outside = (values < step.type.minimum) | (values > step.type.maximum)
                counts += outside.astype(bool).sum(axis=0)
            case AddStep() | MultiplyStep() | ShiftStep():
                pass
            case _:
                assert_never(step)
        values = _applied(step, values)
    return counts


def _applied(step: Step, values: Array) -> Array:
    """One step on whole arrays, in words that nothing overflows."""
    if values.dtype == OBJECT:
        flat = [apply_step(step, int(value)) for value in values.ravel()]
        return np.array(flat, OBJECT).reshape(values.shape)
    match step:
        case AddStep():
            return np.asarray(values + step.value)
        case MultiplyStep():
            return np.asarray(values * step.multiplier)
        case ShiftStep():
            return np.asarray(shift_right_array(values, step.shift, step.rounding))
        case WrapStep():
            return step.type.wrap_array(values).astype(INT64)
        case SaturateStep():
            return np.clip(values, step.type.minimum, step.type.maximum)
        case ZeroStep():
            inside = (values >= step.type.minimum) & (values <= step.type.maximum)
            return np.where(inside, values, 0)
        case _:
            assert_never(step)
