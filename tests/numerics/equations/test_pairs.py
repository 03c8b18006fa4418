# SPDX-License-Identifier: Apache-2.0
"""What is printed of an arithmetic of two codes, transcribed, is the arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidData
from intaglio.numerics.equations import pair_equations
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import PairArithmetic
from tests.numerics.equations.transcription import transcribed
from tests.simulator.random_arithmetic import pair_arithmetics

I8 = IntType(8, signed=True)
CODES = st.integers(-128, 127)


@given(pair_arithmetics(I8, I8, I8), st.lists(st.tuples(CODES, CODES), min_size=3, max_size=6))
def test_a_pair_transcribed_is_the_pair(pair: PairArithmetic, codes: list[tuple[int, int]]) -> None:
    found = pair_equations(pair)
    for left, right in codes:
        try:
            expected = pair.apply(left, right)
        except InvalidData:
            continue
        assert transcribed(found.statements, found.constants, x1=left, x2=right)["y"] == expected
