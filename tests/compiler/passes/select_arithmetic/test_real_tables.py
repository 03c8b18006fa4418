# SPDX-License-Identifier: Apache-2.0
"""Tables of real functions for whole arrays equal their definition, code for code."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.real_tables import (
    RealFunction,
    RealTable,
    real_function,
)
from intaglio.errors import InvalidData
from intaglio.numerics import functions
from intaglio.numerics.float32 import Float32
from intaglio.numerics.functions import Real
from intaglio.numerics.profile.methods import ExactTable, Float32Table
from intaglio.numerics.rounding import Rounding

ROUNDINGS = st.sampled_from(Rounding)
METHODS = st.one_of(
    st.builds(ExactTable, ROUNDINGS),
    st.builds(Float32Table, ROUNDINGS, st.booleans(), st.booleans()),
)
# Powers of two make ties.
SCALES = st.one_of(
    st.integers(-18, 2).map(lambda power: 2.0**power), st.floats(2.0**-20, 4.0, width=32)
).map(Float32.from_value)
ZERO_POINTS = st.one_of(st.just(0), st.integers(-(1 << 15), 1 << 15))
QUANTIZATIONS = st.builds(Quantization, st.tuples(SCALES), st.tuples(ZERO_POINTS))
# Far from zero these overflow, or have too many digits to be exact.
EXPONENTIAL = {
    scaled.UnaryFunction.EXP,
    scaled.UnaryFunction.GELU,
    scaled.UnaryFunction.GELU_TANH,
    scaled.UnaryFunction.SIGMOID,
    scaled.UnaryFunction.TANH,
    scaled.UnaryFunction.ELU,
}
EDGES = [-(1 << 15), -1, 0, 1, (1 << 15) - 1, (1 << 16) - 1]
CODES = st.lists(st.integers(-(1 << 15), (1 << 16) - 1), min_size=30, max_size=30)


@pytest.mark.parametrize("function", scaled.UnaryFunction)
@settings(max_examples=40)
@given(METHODS, QUANTIZATIONS, QUANTIZATIONS, CODES)
def test_every_code_is_that_of_the_definition(
    function: scaled.UnaryFunction,
    method: ExactTable | Float32Table,
    source: Quantization,
    target: Quantization,
    codes: list[int],
) -> None:
    op = scaled.Unary(function, Float32.from_value(0.25), Float32.from_value(0.5))
    table = RealTable(method, real_function(op), source, target)
    near = [source.zero_point + offset for offset in (-2, -1, 0, 1, 2)]
    row = [*codes, *EDGES, *near]
    if function is scaled.UnaryFunction.RSQRT:
        row = [code for code in row if code > source.zero_point]
    if function in EXPONENTIAL:
        row = [code for code in row if abs(code - source.zero_point) * source.scale.value < 40]
    most = 1 << 52
    expected = [max(-most, min(most, table.code(code))) for code in row]
    assert table(np.array(row, np.int64)).tolist() == expected


@pytest.mark.parametrize("rounding", Rounding)
def test_ties_go_where_the_rounding_sends_them(rounding: Rounding) -> None:
    quarter = scaled.Unary(scaled.UnaryFunction.LEAKY_RELU, Float32.from_value(0.25))
    unit = Quantization((Float32.from_value(1.0),))
    row = np.arange(-64, 1, dtype=np.int64)
    for method in (ExactTable(rounding), Float32Table(rounding, False, True)):
        table = RealTable(method, real_function(quarter), unit, unit)
        assert table(row).tolist() == [table.code(code) for code in row.tolist()]


def test_hardly_a_code_needs_the_definition() -> None:
    asked: list[Fraction] = []

    def sigmoid(x: Fraction) -> Real:
        asked.append(x)
        return functions.sigmoid(x)

    enclosed = real_function(scaled.Unary(scaled.UnaryFunction.SIGMOID)).enclosed
    source = Quantization((Float32.from_value(0.00037),))
    target = Quantization((Float32.from_value(1 / 65535),), (-32768,))
    codes = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
    for method in (
        ExactTable(Rounding.HALF_EVEN),
        Float32Table(Rounding.HALF_EVEN, False, False),
    ):
        RealTable(method, RealFunction(sigmoid, enclosed), source, target)(codes)
    assert len(asked) < 100


@pytest.mark.parametrize(
    ("function", "scale"), [(scaled.UnaryFunction.SIGMOID, 3e38), (scaled.UnaryFunction.EXP, 50.0)]
)
def test_an_operand_or_a_result_beyond_float32_is_refused(
    function: scaled.UnaryFunction, scale: float
) -> None:
    """3e38 * 2 overflows before sigmoid makes it 1; exp(50 * 2) overflows after."""
    source = Quantization((Float32.from_value(scale),))
    unit = Quantization((Float32.from_value(1.0),))
    method = Float32Table(Rounding.HALF_EVEN, False, False)
    table = RealTable(method, real_function(scaled.Unary(function)), source, unit)
    with pytest.raises(InvalidData):
        table(np.array([2], np.int64))
