# SPDX-License-Identifier: Apache-2.0
"""Requantizers in stages: each step, the domain in which nothing wraps, and other scalings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyShift,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    WrapStep,
    ZeroStep,
)
from intaglio.numerics.vectorized import apply_scalings
from tests.simulator.random_arithmetic import stages

I8 = IntType(8, signed=True)


def test_steps_go_one_after_another() -> None:
    steps = Stages(
        (
            ShiftStep(1, Rounding.FLOOR),
            AddStep(3),
            MultiplyStep(5),
            WrapStep(I8),
            ShiftStep(2, Rounding.HALF_EVEN),
            SaturateStep(IntType(5, signed=True)),
        )
    )
    # 51 -> 25 -> 28 -> 140 -> -116 -> -29 -> -16;  -7 -> -4 -> -1 -> -5 -> -5 -> -1.25 -> -1
    assert [steps.apply(x) for x in (51, -7, 0)] == [-16, -1, 4]
    assert Stages(()).apply(-9) == -9


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 16), 1 << 16), st.integers(0, 40))
def test_a_product_and_a_shift_are_the_plain_scaling(x: int, multiplier: int, shift: int) -> None:
    for rounding in Rounding:
        staged = Stages((MultiplyStep(multiplier), ShiftStep(shift, rounding)))
        plain = MultiplyShift(multiplier, shift, rounding)
        assert staged.apply(x) == plain.apply(x)
        assert staged.direction == plain.direction


@given(stages(), st.integers(-300, 300), st.integers(0, 200))
def test_within_its_domain_it_is_monotone(scaling: Stages, low: int, width: int) -> None:
    domain = scaling.monotone_domain
    inside = [x for x in range(low, low + width) if domain is None or domain.contains(x)]
    found = [scaling.apply(x) for x in inside]
    assert found == sorted(found, reverse=scaling.direction < 0)


def test_the_domain_ends_where_the_first_value_wraps() -> None:
    scaling = Stages((AddStep(10), MultiplyStep(-3), WrapStep(I8), AddStep(1)))
    # -3 (x + 10) within -128..127: x + 10 within -42..42.
    assert scaling.monotone_domain == Interval(-52, 32)
    assert scaling.apply(32) == -125
    assert scaling.apply(33) == 128 - 1 + 1
    assert Stages((AddStep(200), WrapStep(I8))).monotone_domain == Interval(0, 0)
    assert Stages((AddStep(200), SaturateStep(I8))).monotone_domain is None


@given(stages(), st.integers(-(1 << 20), 1 << 20), st.integers(0, 60))
def test_intervals_hold_every_intermediate_value(scaling: Stages, low: int, width: int) -> None:
    held = scaling.intervals(Interval(low, low + width))
    bits = scaling.product_bits(Interval(low, low + width))
    word = IntType(min(bits, 64), signed=True)
    for x in range(low, low + width + 1):
        for end in range(len(scaling.steps) + 1):
            value = Stages(scaling.steps[:end]).apply(x)
            assert held[end].contains(value)
            assert bits > 64 or word.contains(value)


def test_what_a_type_cannot_hold_turns_to_zero() -> None:
    scaling = Stages((AddStep(1), ZeroStep(I8), MultiplyStep(2)))
    assert [scaling.apply(x) for x in (126, 127, -129, -130)] == [254, 0, -256, 0]
    assert scaling.monotone_domain == Interval(-129, 126)
    assert apply_scalings([scaling], np.array([[126], [127], [-130]])).ravel().tolist() == [
        254,
        0,
        0,
    ]


@given(st.lists(stages(), min_size=1, max_size=3), st.data())
def test_whole_arrays_equal_the_definition(scalings: list[Stages], data: st.DataObject) -> None:
    values = st.integers(-(1 << 31), (1 << 31) - 1)
    row = st.lists(values, min_size=len(scalings), max_size=len(scalings))
    x = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.int64)
    expected = [[s.apply(int(v)) for s, v in zip(scalings, row, strict=True)] for row in x]
    held = IntType(64, signed=True)
    if all(held.contains(value) for values in expected for value in values):
        assert apply_scalings(scalings, x).tolist() == expected


def test_a_left_shift_is_refused() -> None:
    with pytest.raises(InvalidOption, match="shift -1: is negative"):
        ShiftStep(-1, Rounding.FLOOR)
