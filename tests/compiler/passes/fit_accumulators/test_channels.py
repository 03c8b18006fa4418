# SPDX-License-Identifier: Apache-2.0
"""Fitted channels can't overflow in any order, by trying everything; and little is given away."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.passes.fit_accumulators.channels import (
    Channels,
    FitMethod,
    fit_channels,
    overflowing,
)
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval


def layer(
    codes: list[list[int]], biases: list[int], x: Interval, zero_point: int, scale: float = 0.5
) -> Channels:
    """A layer from plain numbers."""
    scales = (Float32.from_value(scale),) * len(codes)
    exact = tuple(Fraction(bias) for bias in biases)
    return Channels(np.array(codes, np.int64), scales, exact, True, x, zero_point)


def row_of(codes: IntegerArray, at: int) -> list[int]:
    """One channel's codes."""
    found: list[int] = codes[at].tolist()
    return found


def overflows(codes: list[int], bias: int, x: Interval, zero_point: int, word: IntType) -> bool:
    """Whether some sum of some terms leaves the word, for some input; by trying all.

    The operand's zero point is subtracted from its codes, or is in the bias.
    """
    folded = bias - zero_point * sum(codes)
    for offset, constant in ((zero_point, bias), (0, folded)):
        choices = [
            {0, *((value - offset) * code for value in range(x.low, x.high + 1))} for code in codes
        ]
        for terms in product(*choices):
            for start in (0, constant):
                if not word.contains(start + sum(terms)):
                    return True
    return False


@st.composite
def small_layers(draw: st.DrawFn) -> tuple[list[list[int]], list[int], Interval, int]:
    depth, count = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    codes = [[draw(st.integers(-9, 9)) for _ in range(depth)] for _ in range(count)]
    biases = [draw(st.integers(-40, 40)) for _ in range(count)]
    low = draw(st.integers(-3, 2))
    x = Interval(low, low + draw(st.integers(0, 3)))
    return codes, biases, x, draw(st.integers(x.low, x.high))


@settings(deadline=None, max_examples=150)
@given(small_layers(), st.integers(2, 8))
def test_the_bound_is_exact(
    drawn: tuple[list[list[int]], list[int], Interval, int], bits: int
) -> None:
    codes, biases, x, zero_point = drawn
    word = IntType(bits, signed=True)
    # Codes of the bias and of the operand's zero point are among the terms' values by then.
    expected = [
        row
        for row, (weights, bias) in enumerate(zip(codes, biases, strict=True))
        if overflows(weights, bias, x, zero_point, word)
    ]
    assert overflowing(layer(codes, biases, x, zero_point), word) == tuple(expected)


@pytest.mark.parametrize("method", FitMethod)
@settings(deadline=None, max_examples=100)
@given(drawn=small_layers(), bits=st.integers(2, 8))
def test_fitted_channels_never_overflow_in_any_order(
    method: FitMethod, drawn: tuple[list[list[int]], list[int], Interval, int], bits: int
) -> None:
    codes, biases, x, zero_point = drawn
    word = IntType(bits, signed=True)
    given_layer = layer(codes, biases, x, zero_point)
    fitted, none = fit_channels(given_layer, word, method)
    before = list(overflowing(given_layer, word))
    assert sorted([*fitted.rows, *none]) == before
    for at, row in enumerate(fitted.rows):
        new = row_of(fitted.codes, at)
        assert not overflows(new, fitted.biases[at], x, zero_point, word)
        # Towards zero, never across it.
        assert all(0 <= a * b and abs(a) <= abs(b) for a, b in zip(new, codes[row], strict=True))
        assert fitted.scales[at].value >= 0.5
        if method is FitMethod.ROUND:
            assert (fitted.scales[at].value, fitted.biases[at]) == (0.5, biases[row])
    if method is FitMethod.ROUND:
        # Where there are no weights, not even zeros would do.
        nothing = [0] * len(codes[0])
        for row in none:
            assert overflows(nothing, biases[row], x, zero_point, word)
    else:
        assert not len(none)


@settings(deadline=None, max_examples=100)
@given(drawn=small_layers(), bits=st.integers(4, 8))
def test_no_weight_could_be_a_unit_nearer(
    drawn: tuple[list[list[int]], list[int], Interval, int], bits: int
) -> None:
    codes, biases, x, zero_point = drawn
    word = IntType(bits, signed=True)
    fitted, _ = fit_channels(layer(codes, biases, x, zero_point), word, FitMethod.ROUND)
    for at, row in enumerate(fitted.rows):
        new = row_of(fitted.codes, at)
        for index, code in enumerate(codes[row]):
            if new[index] != code:
                nearer = list(new)
                nearer[index] += 1 if code > 0 else -1
                assert overflows(nearer, biases[row], x, zero_point, word)


def error(old: list[int], new: list[int], scale: Float32) -> Fraction:
    """The square error of real weights whose scale was 0.5."""
    return sum(
        ((b * scale.fraction - Fraction(a, 2)) ** 2 for a, b in zip(old, new, strict=True)),
        start=Fraction(0),
    )


@settings(deadline=None, max_examples=60)
@given(drawn=small_layers(), bits=st.integers(4, 8))
def test_auto_takes_what_leaves_less_error(
    drawn: tuple[list[list[int]], list[int], Interval, int], bits: int
) -> None:
    codes, biases, x, zero_point = drawn
    errors: dict[FitMethod, dict[int, Fraction]] = {}
    for method in FitMethod:
        fitted, _ = fit_channels(
            layer(codes, biases, x, zero_point), IntType(bits, signed=True), method
        )
        errors[method] = {
            row: error(codes[row], row_of(fitted.codes, at), fitted.scales[at])
            for at, row in enumerate(fitted.rows)
        }
    for row, found in errors[FitMethod.AUTO].items():
        others = [errors[method].get(row) for method in (FitMethod.ROUND, FitMethod.SCALE)]
        assert found == min(other for other in others if other is not None)


def test_positive_and_negative_weights_have_budgets_of_their_own() -> None:
    # Of codes in [0, 15], 8 bits hold +127 and -128: sums up to 8 of either sign, 16 together.
    x = Interval(0, 15)
    fitted, _ = fit_channels(
        layer([[9, -9], [8, -8]], [0, 0], x, 0), IntType(8, True), FitMethod.ROUND
    )
    assert fitted.rows == (0,)
    assert fitted.codes.tolist() == [[8, -8]]


def test_many_weights_of_a_wide_layer_use_the_budget_up() -> None:
    generator = np.random.default_rng(1)
    codes = np.round(generator.laplace(scale=20, size=(64, 576))).clip(-127, 127).astype(np.int64)
    given_layer = layer(codes.tolist(), [0] * 64, Interval(0, 255), 0)
    fitted, none = fit_channels(given_layer, IntType(18, signed=True), FitMethod.ROUND)
    assert len(fitted.rows) == 64
    assert not len(none)
    positive = np.maximum(fitted.codes, 0).sum(axis=1)
    negative = np.maximum(-fitted.codes, 0).sum(axis=1)
    assert (positive == ((1 << 17) - 1) // 255).all()
    assert (negative == (1 << 17) // 255).all()
    # The largest weights keep the most: what is subtracted differs by a unit at most.
    removed = np.where(fitted.codes != 0, np.abs(codes) - np.abs(fitted.codes), -1)
    for row, (up, down) in enumerate(zip(codes > 0, codes < 0, strict=True)):
        for sign in (up, down):
            some = removed[row][sign & (removed[row] >= 0)]
            assert some.max() - some.min() <= 1
