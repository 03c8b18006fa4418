# SPDX-License-Identifier: Apache-2.0
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import (
    INFINITY,
    Apply,
    CountReached,
    Integers,
    RoundTo,
    Step,
    StepFunction,
    evaluate,
    ordered,
    real_values,
    rises,
    round_floats,
    unordered,
)
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.step_search import staircases

ONE_CHANNEL = np.zeros(1, np.int64)
NUMBERS = st.floats(-1000, 1000, width=32)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
MODES = (
    Rounding.HALF_EVEN,
    Rounding.CEIL,
    Rounding.FLOOR,
    Rounding.AWAY_FROM_ZERO,
    Rounding.TOWARD_ZERO,
    Rounding.HALF_AWAY_FROM_ZERO,
    Rounding.HALF_TOWARD_ZERO,
)


def number(value: float) -> Float32:
    return Float32.from_value(value)


def result(steps: list[Step], value: float) -> int:
    return int(evaluate(steps, np.array([value], np.float32), ONE_CHANNEL)[0])


@given(a=NUMBERS, b=NUMBERS)
def test_sums_and_products_are_those_of_ieee_754(a: float, b: float) -> None:
    functions = {
        StepFunction.ADD: float32.add,
        StepFunction.SUBTRACT: float32.subtract,
        StepFunction.MULTIPLY: float32.multiply,
    }
    for function, exact in functions.items():
        steps: list[Step] = [Apply(function, (number(b),)), RoundTo(Rounding.FLOOR)]
        expected = exact(number(a), number(b))
        assert result(steps, a) == float32.round_to_integer(expected, Rounding.FLOOR)


@given(quarters=st.integers(-(2**20), 2**20))
def test_modes_are_exact_where_sums_are(quarters: int) -> None:
    x = np.array([quarters / 4], np.float32)
    for mode in MODES:
        expected = float32.round_to_integer(number(quarters / 4), mode)
        assert int(round_floats(x, mode)[0]) == expected


def test_the_sum_in_half_away_is_rounded_as_well() -> None:
    below = 0.5 - 2.0**-25
    assert float32.round_to_integer(number(below), Rounding.HALF_AWAY_FROM_ZERO) == 0
    assert result([RoundTo(Rounding.HALF_AWAY_FROM_ZERO)], below) == 1
    assert result([RoundTo(Rounding.HALF_AWAY_FROM_ZERO)], -below) == -1


def test_an_integer_is_added_in_double() -> None:
    steps: list[Step] = [Apply(StepFunction.ADD, (number(2**24),)), RoundTo(Rounding.CEIL)]
    assert result(steps, 0.5) == 2**24
    steps[0] = Apply(StepFunction.ADD_IN_DOUBLE, (number(2**24),))
    assert result(steps, 0.5) == 2**24 + 1


def test_thresholds_count_what_they_equal() -> None:
    rows = ((number(0.0), number(1.0), number(1.0)), (number(-1.0), number(0.0), number(5.0)))
    x = np.array([-0.0, 1.0, -1.0, 4.9], np.float32)
    channels = np.array([0, 0, 1, 1])
    assert evaluate([CountReached(rows)], x, channels).tolist() == [1, 3, 1, 2]


def test_each_channel_has_its_constants() -> None:
    steps = [Apply(StepFunction.SUBTRACT_FROM, (number(10.0), number(20.0)))]
    assert evaluate(steps, np.array([1, 1], np.float32), np.array([0, 1])).tolist() == [9, 19]


def test_what_has_no_result_is_refused() -> None:
    with pytest.raises(InvalidOption, match="quotient"):
        Apply(StepFunction.DIVIDE, (number(1.0), number(0.0)))
    with pytest.raises(InvalidOption, match="no mode of QONNX"):
        round_floats(np.array([0.5], np.float32), Rounding.HALF_TOWARD_POSITIVE)
    steps = [Apply(StepFunction.MULTIPLY, (number(0.0),))]
    with pytest.raises(InvalidData, match="not a number"):
        evaluate(steps, np.array([np.inf], np.float32), ONE_CHANNEL)


@given(
    code=st.integers(-(2**40), 2**40), scale=st.floats(0.0009765625, 1024, width=32), factor=NUMBERS
)
def test_a_product_of_three_rounds_once(code: int, scale: float, factor: float) -> None:
    exact = Fraction(scale) * Fraction(factor)
    found = real_values(np.array([code]), (exact,), ONE_CHANNEL)
    assert float(found[0]) == Float32.from_fraction(code * exact).value


@given(x=FINITE, y=FINITE)
def test_the_order_is_that_of_the_numbers(x: float, y: float) -> None:
    first, second = ordered(np.array([x, y], np.float32)).tolist()
    assert (first < second, first == second) == (x < y, x == y)
    assert unordered(np.array([first]))[0] == x


def test_neighbours_have_neighbouring_places() -> None:
    places = np.array([-INFINITY, -(2**23), -1, 0, 1, 2**23, INFINITY], np.int64)
    assert ordered(unordered(places)).tolist() == places.tolist()
    assert unordered(np.array([INFINITY])).tolist() == [np.inf]
    tiny = struct.unpack("<f", (1).to_bytes(4, "little"))[0]
    assert unordered(np.array([-1, 1])).tolist() == [-tiny, tiny]


def applied(function: StepFunction, constant: float) -> Step:
    return Apply(function, (number(constant),))


def divided(divisor: float) -> Step:
    return applied(StepFunction.DIVIDE, divisor)


STEPS = st.one_of(
    st.builds(
        applied,
        st.sampled_from([each for each in StepFunction if each is not StepFunction.DIVIDE]),
        st.floats(-8, 8, width=32),
    ),
    st.builds(divided, st.floats(0.125, 8, width=32) | st.floats(-8, -0.125, width=32)),
    st.builds(RoundTo, st.sampled_from(MODES)),
)


@given(steps=st.lists(STEPS, max_size=6), scale=st.floats(0.0625, 4, width=32))
def test_staircases_say_all_that_steps_do(steps: list[Step], scale: float) -> None:
    def function(codes: Integers, at: Integers) -> Integers:
        values = evaluate(steps, real_values(codes, (Fraction(scale),), at), at)
        return np.clip(values, -300, 300)

    (found,) = staircases(function, Interval(-70, 90), 1)
    codes = np.arange(-70, 91)
    expected = function(codes, np.zeros_like(codes)).tolist()
    assert [found.apply(code) for code in codes.tolist()] == expected
    if all(rises(step) for step in steps):
        assert found.direction == 1


def test_channels_are_searched_side_by_side() -> None:
    def function(codes: Integers, channels: Integers) -> Integers:
        return np.where(channels == 0, codes // 10, np.where(channels == 1, -codes // 7, 5))

    rising, falling, flat = staircases(function, Interval(0, 30), 3)
    assert rising.thresholds == (10, 20, 30)
    assert (falling.direction, falling.thresholds) == (-1, (1, 8, 15, 22, 29))
    assert (flat.base, flat.thresholds) == (5, ())
