# SPDX-License-Identifier: Apache-2.0
"""Interpolated tables stay near their functions; that they are a runtime's is for the peers."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import functions, interpolation
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64

CODES = st.integers(-(2**15), 2**15 - 1)


def test_the_table_of_sigmoid() -> None:
    table = interpolation.sigmoid_table()
    assert (len(table), table[:3], table[-2:]) == (256, (32768, 33451, 34133), (65534, 65535))
    assert list(table) == sorted(table)


@given(CODES, st.floats(2.0**-14, 2.0**-4))
@example(-(2**15), 2.0**-12)
@example(2**15 - 1, 2.0**-4)
@example(0, 2.0**-12)
@example(-1, 2.0**-12)
def test_sigmoid_and_tanh_are_near(code: int, scale: float) -> None:
    unit = Float32.from_value(scale)
    multiplier, shift = interpolation.sigmoid_input(unit)
    # The multiplier's 15 bits are off by 2**-14 of x, where the slope of either is e**-x at most.
    x = code * unit.value
    found = interpolation.sigmoid(code, multiplier, shift) / 2**15
    assert abs(found - (1 + math.tanh(x / 2)) / 2) < 1e-4
    assert abs(interpolation.tanh(code, multiplier, shift) / 2**15 - math.tanh(x)) < 2e-4


def test_a_scale_near_a_power_of_two_counts_as_that() -> None:
    exact = interpolation.sigmoid_input(Float32.from_value(2.0**-12))
    assert exact == (24576, 13)
    assert interpolation.sigmoid_input(Float32.from_value(2.0**-12 * 1.0006)) == exact
    assert interpolation.sigmoid_input(Float32.from_value(2.0**-12 * 1.001)) != exact


def test_a_coarse_scale_is_refused() -> None:
    with pytest.raises(InvalidOption, match="too large"):
        interpolation.sigmoid_input(Float32.from_value(2.7))


@pytest.mark.parametrize("form", [Float32, Float64])
def test_samples_of_the_exponential_are_near(form: type[Float32] | type[Float64]) -> None:
    first, last, unit = (form.from_value(x) for x in (-10.0, 0.0, 32767.5))
    table = interpolation.samples(functions.exponential, first, last, unit)  # type: ignore[type-var]
    assert (len(table), table[-1]) == (513, 32767)
    for code in range(-(2**15), 2**15, 101):
        # The samples are a 512th of 65,535 codes apart and read as if it were of 65,536.
        x = -10 * (32767 - code) / 65535
        assert abs(interpolation.interpolated(table, code) - 32767.5 * math.exp(x)) < 7


def test_a_function_beyond_float32_is_refused() -> None:
    first, last, unit = (Float32.from_value(x) for x in (0.0, 100.0, 1.0))
    with pytest.raises(InvalidData):
        interpolation.samples(functions.exponential, first, last, unit)


def test_a_slope_beyond_int16_wraps() -> None:
    table = (-32768, 32767, *[0] * 511)
    assert interpolation.interpolated(table, -32768 + 64) == -32768 + ((-1 * 64 + 64) >> 7)
