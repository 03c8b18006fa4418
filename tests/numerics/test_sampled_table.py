# SPDX-License-Identifier: Apache-2.0
"""Tables of samples: by hand, whole rows against one code, and as printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics.equations import table_equations
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.sampled_table import SampledTable
from tests.numerics.equations.transcription import transcribed

HALF_UP = Rounding.HALF_TOWARD_POSITIVE


def table(linear: bool = True, held: bool = True, fraction_bits: int = 0) -> SampledTable:
    """The entries 0, 10, 14 and 4 at codes -8, -4, 0 and 4."""
    return SampledTable((0, 10, 14, 4), -8, 2, linear, held, fraction_bits, HALF_UP, 100)


@pytest.mark.parametrize(
    ("code", "line", "slope", "step"),
    [
        (-8, 0, 0, 0),
        (-7, 3, 3, 0),  # 2.5 goes up
        (-5, 8, 8, 0),  # 7.5
        (-4, 10, 10, 10),
        (-2, 12, 12, 10),
        (3, 7, 7, 14),  # 14 - 7.5
        (4, 4, 4, 4),
        (5, 4, 2, 4),  # held, or 1.5 on the line through the last two
        (127, 4, -303, 4),
        (-9, 0, -2, 0),  # -2.5 goes up to -2
        (-128, 0, -300, 0),
    ],
)
def test_by_hand(code: int, line: int, slope: int, step: int) -> None:
    assert table().apply(code) == 100 + line
    assert table(held=False).apply(code) == 100 + slope
    assert table(linear=False).apply(code) == 100 + step


def test_fraction_bits_round_once() -> None:
    # 2.5 / 2 = 1.25, which two roundings would make 1.5 and 2.
    assert table(fraction_bits=1).apply(-7) == 101
    assert table(linear=False, fraction_bits=2).apply(-4) == 103


@given(
    st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=2, max_size=40),
    st.integers(-300, 300),
    st.integers(0, 8),
    st.booleans(),
    st.booleans(),
    st.integers(0, 20),
    st.sampled_from(Rounding),
    st.integers(-128, 127),
)
def test_rows_and_the_printed_equations_are_the_definition(
    entries: list[int],
    first: int,
    step_bits: int,
    linear: bool,
    held: bool,
    fraction_bits: int,
    rounding: Rounding,
    zero_point: int,
) -> None:
    found = SampledTable(
        tuple(entries), first, step_bits, linear, held, fraction_bits, rounding, zero_point
    )
    codes = np.concatenate([np.arange(-300, 300, 7), [-65536, 65535]]).astype(np.int64)
    expected = [found.apply(code) for code in codes.tolist()]
    assert found.codes(codes).tolist() == expected
    printed = table_equations(found, -128, 127)
    for code, value in zip(codes.tolist()[::12], expected[::12], strict=True):
        run = transcribed(printed.statements, printed.constants, x=code)
        assert run["r"] + zero_point == value
        assert run["y"] == min(max(value, -128), 127)
