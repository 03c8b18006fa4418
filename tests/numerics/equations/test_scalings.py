# SPDX-License-Identifier: Apache-2.0
"""What is printed of a requantizer, transcribed, is the requantizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidData
from intaglio.numerics.equations import definitions, requantizer_equations, scaling_equations
from intaglio.numerics.equations.functions import division_function, shift_function
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, divide, shift_right
from intaglio.numerics.scalings import Scaling, Stages
from tests.numerics.equations.transcription import transcribed
from tests.simulator.random_arithmetic import SCALINGS, requantizers

I8 = IntType(8, signed=True)
ACCUMULATORS = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-300, 300), st.sampled_from([0, -1, 1])
)


@pytest.mark.parametrize("kind", SCALINGS, ids=lambda kind: kind.__name__)
def test_a_scaling_transcribed_is_the_scaling(kind: type[Scaling]) -> None:
    @given(SCALINGS[kind], st.lists(ACCUMULATORS, min_size=4, max_size=8))
    def holds(scaling: Scaling, values: list[int]) -> None:
        found = scaling_equations(scaling, "a", "y")
        for x in values:
            try:
                expected = scaling.apply(x)
            except InvalidData:
                continue
            assert transcribed(found.statements, found.constants, a=x)["y"] == expected

    holds()


@given(requantizers(I8), st.lists(ACCUMULATORS, min_size=4, max_size=8))
def test_zero_point_and_clamp(requantizer: Requantizer, values: list[int]) -> None:
    found = requantizer_equations(requantizer, "a", "y")
    for x in values:
        try:
            expected = requantizer.apply(x)
        except InvalidData:
            continue
        assert transcribed(found.statements, found.constants, a=x)["y"] == expected


@pytest.mark.parametrize("mode", Rounding, ids=lambda mode: mode.value)
def test_roundings_as_printed_are_the_roundings(mode: Rounding) -> None:
    shift, division = shift_function(mode), division_function(mode)
    lines = (f"a = {shift}(x, s)", f"b = {division}(x, d)")
    for x in range(-40, 41):
        for s in range(5):
            for d in (1, 2, 3, 6, 8):
                found = transcribed(lines, {}, x=x, s=s, d=d)
                assert (found["a"], found["b"]) == (shift_right(x, s, mode), divide(x, d, mode))


def test_no_step_is_the_operand() -> None:
    assert scaling_equations(Stages(()), "a", "y").statements == ("y = a",)


def test_definitions_are_of_what_is_called_alone() -> None:
    assert definitions(("a = wrap[i20](b + sum(p))", "y = shift_floor(a, s)")) == (
        "shift_floor(v, s) = v >> s",
        "wrap[T](v): the value of type T that equals v modulo 2**bits of T",
    )
