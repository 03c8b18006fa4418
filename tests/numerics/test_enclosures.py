# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics import enclosures, functions
from intaglio.numerics.enclosures import Enclosure, Float64Array
from intaglio.numerics.functions import Real

Twins = tuple[Callable[[Fraction], Real], Callable[[Float64Array], Enclosure]]

TWINS: dict[str, Twins] = {
    "rational": (functions.rational, enclosures.rational),
    "exponential": (functions.exponential, enclosures.exponential),
    "sigmoid": (functions.sigmoid, enclosures.sigmoid),
    "tanh": (functions.tanh, enclosures.tanh),
    "gelu": (functions.gelu, enclosures.gelu),
    "gelu-tanh": (functions.gelu_tanh, enclosures.gelu_tanh),
    "elu": (lambda x: functions.elu(x, Fraction(3, 2)), lambda x: enclosures.elu(x, 1.5)),
    "leaky-relu": (
        lambda x: functions.leaky_relu(x, Fraction(-1, 4)),
        lambda x: enclosures.leaky_relu(x, -0.25),
    ),
    "hard-sigmoid": (
        lambda x: functions.hard_sigmoid(x, Fraction(0.2), Fraction(1, 2)),
        lambda x: enclosures.hard_sigmoid(x, 0.2, 0.5),
    ),
    "hard-swish": (functions.hard_swish, enclosures.hard_swish),
}
# Where gates open and close, tails vanish and results leave float64.
EDGES = [0.0, -0.0, 3.0, -3.0, 2.5, -2.5, 1e-30, -1e-30, 1e-300, 39.0, -39.0]
BEYOND = [700.0, -700.0, 720.0, -720.0, -746.0]


def _near(edge: float, off: float) -> float:
    return edge * (1 + off)


POINTS = st.one_of(
    st.sampled_from(EDGES),
    st.floats(-12, 12),
    st.floats(-45, 45),
    st.builds(_near, st.sampled_from(EDGES), st.floats(-1e-9, 1e-9)),
)
SQUARES = st.integers(1, 1000).map(lambda root: float(root * root))


def _assert_enclosed(twins: Twins, x: float) -> None:
    exact, enclosed = twins
    with np.errstate(all="ignore"):
        (low,), (high,) = (bound.tolist() for bound in enclosed(np.array([x])))
    if not np.isfinite([low, high]).all():
        assert x > 700, "only exp of large numbers has no float64"
        return
    real = exact(Fraction(x))
    assert real.decide(lambda value: value > Fraction(low))
    assert not real.decide(lambda value: value >= Fraction(high))


@pytest.mark.parametrize("name", TWINS)
@given(POINTS)
def test_the_real_number_lies_between_the_bounds(name: str, x: float) -> None:
    _assert_enclosed(TWINS[name], x)


@pytest.mark.parametrize("x", BEYOND)
@pytest.mark.parametrize("name", [name for name in TWINS if not name.startswith("gelu")])
def test_so_it_does_where_float64_ends(name: str, x: float) -> None:
    """Not of the GELUs, which end at 39 already: exp(x³) has too many digits to be exact."""
    _assert_enclosed(TWINS[name], x)


@given(st.one_of(st.floats(1e-40, 1e40), SQUARES))
def test_so_does_one_over_a_root(x: float) -> None:
    _assert_enclosed((functions.reciprocal_square_root, enclosures.reciprocal_square_root), x)


@pytest.mark.parametrize("name", TWINS)
def test_the_bounds_are_close(name: str) -> None:
    """To 2**-33 of the value, or of 1 where a gate nearly closes."""
    x = np.linspace(-11, 11, 999)
    low, high = TWINS[name][1](x)
    magnitude = np.maximum(np.abs(low), 1 if name.startswith("hard") else 2.0**-900)
    assert (high - low <= 2.0**-33 * magnitude).all()
