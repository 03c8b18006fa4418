# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.parameters import Encoding, parameters_for
from intaglio.compiler.real.ranges.range_search import (
    SMALLEST_FACTOR,
    STEPS,
    WeightedPoints,
    least_error_range,
    quantization_error,
)
from intaglio.compiler.real.ranges.ranges import Range

U8 = Encoding(8, signed=False)

encodings = st.builds(
    Encoding,
    st.integers(2, 16),
    signed=st.booleans(),
    symmetric=st.booleans(),
    power_of_two=st.booleans(),
)


def even(values: np.ndarray) -> WeightedPoints:
    """All points count the same."""
    return WeightedPoints(values, np.ones(values.size))


@settings(max_examples=30)
@given(encodings, st.integers(0, 1000), st.integers(1, 200), st.floats(-3, 3))
def test_no_range_of_the_grid_is_better(
    encoding: Encoding, seed: int, count: int, offset: float
) -> None:
    random = np.random.default_rng(seed)
    points = WeightedPoints(random.standard_t(2, count) + offset, random.uniform(0, 1, count))
    low, high = min(points.values.min(), 0.0), max(points.values.max(), 0.0)
    least = min(
        quantization_error(points, Range(low * factor, high * factor), encoding)
        for factor in np.geomspace(1.0, SMALLEST_FACTOR, STEPS)
    )
    found = least_error_range(points, encoding)
    assert low <= found.minimum <= 0.0 <= found.maximum <= high
    assert quantization_error(points, found, encoding) <= least


def test_a_rare_outlier_is_cut_off_unless_it_weighs_much() -> None:
    values = np.append(np.linspace(0, 1, 1000), 12.0)
    narrow = least_error_range(even(values), replace(U8, bits=2))
    assert narrow.maximum < 3
    heavy = WeightedPoints(values, np.append(np.ones(1000), 1e4))
    wide = least_error_range(heavy, replace(U8, bits=2))
    assert wide.maximum == pytest.approx(12.0, rel=0.1)


def test_each_side_is_cut_by_itself_where_codes_fit_the_range() -> None:
    points = WeightedPoints(
        np.append(np.linspace(-1, 1, 500), -10.0), np.append(np.full(500, 40.0), 1.0)
    )
    found = least_error_range(points, replace(U8, bits=4))
    assert -3 < found.minimum < -0.7
    assert 0.7 < found.maximum <= 1
    symmetric = least_error_range(points, Encoding(4, signed=True, symmetric=True))
    assert symmetric.maximum / 1.0 == pytest.approx(symmetric.minimum / -10.0)


@pytest.mark.parametrize(("top", "scale"), [(15.4, 1.0), (24.0, 2.0)])
def test_the_better_of_two_neighbouring_powers_of_two_is_chosen(top: float, scale: float) -> None:
    encoding = Encoding(4, signed=False, power_of_two=True)
    # Past 15 the smallest power that covers the range is 2 for both.
    assert parameters_for(0.0, top, encoding).scales == (2.0,)
    found = least_error_range(even(np.linspace(0.0, top, 1000)), encoding)
    assert parameters_for(found.minimum, found.maximum, encoding).scales == (scale,)


def test_nothing_but_zeros_has_an_empty_range() -> None:
    assert least_error_range(even(np.zeros(5)), U8) == Range(0.0, 0.0)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_pooled_points_cost_what_they_cost_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    values, weights = random.normal(size=20000), random.uniform(0, 1, 20000)
    pooled = WeightedPoints.pooled(values, weights)
    assert pooled.values.size <= 2050
    assert (pooled.values.min(), pooled.values.max()) == (values.min(), values.max())
    assert pooled.weights.sum() == pytest.approx(weights.sum())
    assert pooled.weights @ pooled.values == pytest.approx(weights @ values, abs=1e-6)
    for high in (4.0, 2.0, 1.0):
        exact = quantization_error(WeightedPoints(values, weights), Range(-high, high), U8)
        assert quantization_error(pooled, Range(-high, high), U8) == pytest.approx(exact, rel=0.05)


def test_few_points_and_equal_points_are_pooled_exactly() -> None:
    few = WeightedPoints.pooled(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert few.values.tolist() == [1.0, 2.0]
    same = WeightedPoints.pooled(np.full(9000, 2.5), np.full(9000, 0.5))
    assert (same.values.tolist(), same.weights.tolist()) == ([2.5], [4500.0])


def test_one_factor_for_both_ends_is_not_where_the_search_stays() -> None:
    values = np.append(np.linspace(-1, 1, 2000), -10.0)
    encoding = replace(U8, bits=3)
    found = quantization_error(even(values), least_error_range(even(values), encoding), encoding)
    least = min(
        quantization_error(even(values), Range(low, high), encoding)
        for low in -np.geomspace(0.5, 10, 40)
        for high in np.geomspace(0.3, 1, 20)
    )
    assert found <= 1.02 * least
