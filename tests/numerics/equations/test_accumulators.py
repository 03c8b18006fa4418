# SPDX-License-Identifier: Apache-2.0
"""What is printed of a sum, transcribed, is the definition's sum."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics.accumulator import Accumulator, Overflow, Trapped
from intaglio.numerics.equations import accumulator_statements
from intaglio.numerics.integers import IntType
from intaglio.simulator.reference.sums import accumulate
from tests.numerics.equations.transcription import transcribed
from tests.simulator.random_arithmetic import accumulators

TERMS = st.lists(st.integers(-300, 300), max_size=20)


@given(accumulators(), TERMS, st.integers(-2000, 2000))
def test_a_sum_transcribed_is_the_sum(accumulator: Accumulator, terms: list[int], b: int) -> None:
    found = transcribed(accumulator_statements(accumulator), {}, p=terms, b=b)["a"]
    assert found == accumulate(terms, b, accumulator)
    without = transcribed(accumulator_statements(accumulator, None), {}, p=terms)["a"]
    assert without == accumulate(terms, 0, accumulator)


@given(accumulators(), TERMS, st.integers(-20, 20))
def test_a_trap_transcribed_traps_alike(accumulator: Accumulator, terms: list[int], b: int) -> None:
    traps = replace(accumulator, type=IntType(9, signed=True), overflow=Overflow.TRAP)
    try:
        expected = accumulate(terms, b, traps)
    except Trapped:
        with pytest.raises(OverflowError):
            transcribed(accumulator_statements(traps), {}, p=terms, b=b)
        return
    assert transcribed(accumulator_statements(traps), {}, p=terms, b=b)["a"] == expected
