# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.ranges.histograms import (
    BINS_A_SIDE,
    Histogram,
    observe_histograms,
)
from intaglio.compiler.real.statistics import ValueStatistics
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random

numbers = arrays.arrays(
    np.float32,
    st.integers(0, 30),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


def assert_equal(first: Histogram, second: Histogram) -> None:
    assert (first.exponent, first.zeros) == (second.exponent, second.zeros)
    np.testing.assert_array_equal(first.counts, second.counts)


@given(numbers)
def test_every_element_lies_in_its_bin(array: Array) -> None:
    found = Histogram.of(array)
    assert found.count == array.size
    assert found.zeros == int((array == 0).sum())
    edges = found.edges
    expected = np.zeros(2 * BINS_A_SIDE, dtype=np.int64)
    for element in array[array != 0].astype(np.float64):
        (place,) = np.flatnonzero((edges[:-1] <= element) & (element < edges[1:]))
        expected[place] += 1
    np.testing.assert_array_equal(found.counts, expected)


@given(numbers.filter(lambda array: float(np.abs(array).max(initial=0)) > 1e-30))
def test_at_least_half_the_bins_of_a_side_serve(array: Array) -> None:
    used = np.flatnonzero(Histogram.of(array).counts) - BINS_A_SIDE
    assert used.max() >= BINS_A_SIDE // 2 - 1 or used.min() < -BINS_A_SIDE // 2 + 1


@given(st.lists(numbers, min_size=1, max_size=4))
def test_batches_join_to_the_histogram_of_all_elements(batches: list[Array]) -> None:
    whole = Histogram.of(np.concatenate(batches))
    for order in (batches, batches[::-1]):
        joined = Histogram.of(order[0])
        for batch in order[1:]:
            joined = joined.joined(Histogram.of(batch))
        assert_equal(joined, whole)


@given(numbers, st.integers(0, 6), st.integers(0, 20))
def test_doubling_bins_in_steps_or_at_once_is_the_same(
    array: Array, first: int, second: int
) -> None:
    fine = Histogram.of(array)
    steps = fine.coarser(fine.exponent + first).coarser(fine.exponent + first + second)
    assert_equal(steps, fine.coarser(fine.exponent + first + second))
    assert steps.count == array.size


def test_one_run_sees_the_extremes_of_each_batch_and_all_elements() -> None:
    model = parse("(float[N,4] x) => (y) { a = Gemm(x, w)  y = Relu(a) }", w=random(1, 4, 4))
    batches = [{"x": random(10 + i, 1 + i, 4) * 4**i} for i in range(3)]
    found = observe_histograms(model, iter(batches))
    assert found.statistics == observe(model, batches)
    assert found.samples == 6
    x = found.values["x"]
    assert_equal(x.histogram, Histogram.of(np.concatenate([feeds["x"] for feeds in batches])))
    assert x.batches == tuple(
        ValueStatistics(float(f["x"].min()), float(f["x"].max()), f["x"].size) for f in batches
    )
    assert found.values["y"].histogram.zeros > 0
    assert set(observe_histograms(model, batches, {"y"}).values) == {"y"}


def test_data_that_is_not_finite_is_refused() -> None:
    model = parse("(float[N,4] x) => (y) { y = Relu(x) }")
    with pytest.raises(InvalidData, match="value x: found NaN"):
        observe_histograms(model, [{"x": np.full((1, 4), np.inf, dtype=np.float32)}])
    with pytest.raises(InvalidData, match="no sample"):
        observe_histograms(model, [])
