# SPDX-License-Identifier: Apache-2.0
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics import functions
from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding

POINTS = st.fractions(-12, 12, max_denominator=1 << 20)


@given(POINTS)
def test_every_function_is_within_one_float32_step_of_libm(x: Fraction) -> None:
    value = float(x)
    pairs = [
        (functions.exponential(x), math.exp(value)),
        (functions.sigmoid(x), 1 / (1 + math.exp(-value))),
        (functions.tanh(x), math.tanh(value)),
        (functions.gelu(x), value * math.erfc(-value / math.sqrt(2)) / 2),
        (functions.elu(x, Fraction(3, 2)), value if value >= 0 else 1.5 * math.expm1(value)),
    ]
    for real, expected in pairs:
        found = real.rounded_to_float32().value
        assert math.isclose(found, expected, rel_tol=2.0**-22, abs_tol=1e-30)


@pytest.mark.parametrize("x", [Fraction(n, 8) for n in range(-80, 81)])
def test_rounding_agrees_with_a_direct_comparison(x: Fraction) -> None:
    """2**12 * sigmoid(x) rounded down is the n with sigmoid(x) between n and n + 1."""
    n = functions.sigmoid(x).rounded_to_integer(Fraction(1, 4096), Rounding.FLOOR)
    assert n <= 4096 / (1 + math.exp(-float(x))) < n + 1


def test_ties_are_seen_as_ties() -> None:
    """sigmoid(0) = 1/2 exactly: each rounding of 1/2 goes its own way."""
    half = functions.sigmoid(Fraction(0))
    assert half.rounded_to_integer(Fraction(1), Rounding.HALF_EVEN) == 0
    assert half.rounded_to_integer(Fraction(1), Rounding.HALF_TOWARD_POSITIVE) == 1
    swish = functions.hard_swish(Fraction(3, 2))
    assert swish.rounded_to_integer(Fraction(9, 4), Rounding.HALF_EVEN) == 0
    assert swish.rounded_to_integer(Fraction(9, 4), Rounding.HALF_AWAY_FROM_ZERO) == 1


def test_negative_results_keep_their_sign() -> None:
    assert functions.tanh(Fraction(-1)).rounded_to_integer(
        Fraction(1, 256), Rounding.HALF_EVEN
    ) == round(256 * math.tanh(-1))
    assert functions.gelu(Fraction(-1)).rounded_to_float32().value < 0


def test_correct_rounding_where_doubles_can_not_decide() -> None:
    """exp(2**-60) lies just above 1: its float32 is 1, and one unit up when rounded up."""
    real = functions.exponential(Fraction(1, 1 << 60))
    assert real.rounded_to_float32() == Float32.from_value(1.0)
    scale = Fraction(1, 1 << 55)
    assert real.rounded_to_integer(scale, Rounding.CEIL) == (1 << 55) + 1
    assert real.rounded_to_integer(scale, Rounding.FLOOR) == 1 << 55


def test_piecewise_linear_functions_are_exact() -> None:
    assert functions.hard_sigmoid(
        Fraction(1), Fraction(1, 5), Fraction(1, 2)
    ).rounded_to_float32() == Float32.from_value(0.7)
    assert (
        functions.leaky_relu(Fraction(-8), Fraction(1, 16)).rounded_to_integer(
            Fraction(1), Rounding.HALF_AWAY_FROM_ZERO
        )
        == -1
    )
