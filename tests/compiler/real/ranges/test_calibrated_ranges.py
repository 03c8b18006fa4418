# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.observe import extremes
from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.ranges.calibrated_ranges import (
    RULES,
    CalibrationRule,
    DivergenceRule,
    ErrorRule,
    MinMaxRule,
    MovingAverageRule,
    PercentileRule,
    calibrated_ranges,
)
from intaglio.compiler.real.ranges.histograms import Histogram, Observed, ObservedValue
from intaglio.compiler.real.ranges.range_search import (
    WeightedPoints,
    least_error_range,
    quantization_error,
)
from intaglio.compiler.real.ranges.ranges import Range
from tests.compiler.real.building import Array, random

U8 = Encoding(8, signed=False)


def range_of(rule: CalibrationRule, *batches: Array, bits: int = 8) -> Range:
    """The range of one value that came in these batches."""
    histogram = Histogram.of(np.concatenate([batch.ravel() for batch in batches]))
    seen = tuple(extremes("x", batch) for batch in batches)
    observed = Observed({"x": ObservedValue(histogram, seen)}, 1)
    return calibrated_ranges(observed, rule, Encoding(bits, signed=False))["x"]


def test_min_max_is_all_that_was_seen() -> None:
    assert range_of(MinMaxRule(), np.array([-1.0, 2.0]), np.array([0.5, 3.0])) == Range(-1.0, 3.0)


def test_moving_averages_follow_the_batches_in_order() -> None:
    batches = [np.array([-1.0, 2.0]), np.array([-3.0, 4.0]), np.array([0.0, 8.0])]
    found = range_of(MovingAverageRule(0.75), *batches)
    assert found.minimum == 0.75 * (0.75 * -1 + 0.25 * -3) + 0.25 * 0
    assert found.maximum == 0.75 * (0.75 * 2 + 0.25 * 4) + 0.25 * 8


@pytest.mark.parametrize("percent", [90.0, 99.0, 99.99])
def test_percentiles_hold_that_part_of_the_elements(percent: float) -> None:
    values = random(3, 100_000)
    found = range_of(PercentileRule(percent), values)
    width = 2.0 ** Histogram.of(values).exponent
    high, low = np.quantile(values, percent / 100), np.quantile(values, 1 - percent / 100)
    assert found.maximum == pytest.approx(float(high), abs=2 * width)
    assert found.minimum == pytest.approx(float(low), abs=2 * width)
    assert (values <= found.maximum).mean() >= percent / 100
    assert (values >= found.minimum).mean() >= percent / 100


def test_a_hundred_percent_is_min_max_and_zeros_count() -> None:
    values = random(3, 1000)
    assert range_of(PercentileRule(100.0), values) == range_of(MinMaxRule(), values)
    sparse = np.append(np.zeros(9000), np.linspace(0.001, 1.0, 1000))
    found = range_of(PercentileRule(95.0), sparse)
    assert found.maximum == pytest.approx(0.5, abs=0.002)
    assert found.minimum == 0.0


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_the_error_rule_is_the_search_on_all_elements(bits: int) -> None:
    values = random(3, 2000).astype(np.float64) ** 3
    encoding = Encoding(bits, signed=False)
    points = WeightedPoints(values, np.ones(values.size))
    found = quantization_error(points, range_of(ErrorRule(), values, bits=bits), encoding)
    best = quantization_error(points, least_error_range(points, encoding), encoding)
    assert found <= 1.02 * best
    assert best < quantization_error(points, range_of(MinMaxRule(), values), encoding)


def test_divergence_is_symmetric_for_signed_values_and_ends_where_they_do() -> None:
    values = random(3, 200_000)
    found = range_of(DivergenceRule(), values, bits=4)
    assert found.minimum == -found.maximum
    assert 1.0 < found.maximum < float(np.abs(values).max())
    swish = np.append(np.abs(values), -0.25)
    found = range_of(DivergenceRule(), swish, bits=4)
    assert found.minimum == -0.25
    assert found.maximum > 1.0


def test_values_without_sign_have_all_levels_on_one_side() -> None:
    values = np.maximum(random(3, 200_000), 0)
    found = range_of(DivergenceRule(1.0), values, bits=4)
    assert found.minimum == 0.0
    # The same magnitudes with signs have half the levels, and so a sooner end.
    signs = np.where(np.arange(values.size) % 2, 1.0, -1.0)
    assert range_of(DivergenceRule(1.0), values * signs, bits=4).maximum < found.maximum


def test_a_larger_tolerance_never_narrows() -> None:
    values = random(5, 100_000)
    ends = [range_of(DivergenceRule(t), values, bits=4).maximum for t in (1.0, 1.3, 3.0, 100.0)]
    assert ends == sorted(ends)
    assert ends[0] < ends[-1]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_value_that_is_always_zero_has_an_empty_range(rule: CalibrationRule) -> None:
    assert range_of(rule, np.zeros(100)) == Range(0.0, 0.0)
