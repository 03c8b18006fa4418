# SPDX-License-Identifier: Apache-2.0
"""Congruences against every variable of small intervals."""

from hypothesis import example, given
from hypothesis import strategies as st

from intaglio.numerics.corners.branches import least_numerator
from intaglio.numerics.corners.congruences import first_with_residue, first_within
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide

SMALL = st.integers(-300, 300)


@given(SMALL, SMALL, st.integers(1, 200), SMALL, SMALL, st.integers(0, 250))
@example(0, 5, 1, 0, 3, 0)
@example(0, 5, 10, 5, 3, 0)
def test_first_with_residue(
    slope: int, offset: int, modulus: int, residue: int, low: int, width: int
) -> None:
    tried = (
        t for t in range(low, low + width + 1) if (slope * t + offset - residue) % modulus == 0
    )
    found = first_with_residue(slope, offset, modulus, residue, Interval(low, low + width))
    assert found == next(tried, None)


@given(SMALL, SMALL, st.integers(1, 200), SMALL, st.integers(0, 210), SMALL, st.integers(0, 250))
@example(0, 5, 10, 4, 2, 3, 0)
@example(0, 5, 10, 6, 2, 3, 9)
def test_first_within(
    slope: int, offset: int, modulus: int, start: int, size: int, low: int, width: int
) -> None:
    residues = {residue % modulus for residue in range(start, start + size + 1)}
    tried = (t for t in range(low, low + width + 1) if (slope * t + offset) % modulus in residues)
    window, variables = Interval(start, start + size), Interval(low, low + width)
    assert first_within(slope, offset, modulus, window, variables) == next(tried, None)


@given(st.integers(-40, 40), st.integers(1, 33), st.sampled_from(list(Rounding)))
def test_least_numerator(quotient: int, unit: int, mode: Rounding) -> None:
    least = least_numerator(quotient, unit, mode)
    assert divide(least, unit, mode) >= quotient > divide(least - 1, unit, mode)
