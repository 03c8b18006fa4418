# SPDX-License-Identifier: Apache-2.0
"""Ranges of activations from calibration data, by one of five rules."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.ranges.divergence import least_divergence_threshold
from intaglio.compiler.real.ranges.histograms import Observed, ObservedValue
from intaglio.compiler.real.ranges.range_search import WeightedPoints, least_error_range
from intaglio.compiler.real.ranges.ranges import Range


@dataclass(frozen=True, slots=True)
class MinMaxRule:
    """Everything that was seen."""


@dataclass(frozen=True, slots=True)
class MovingAverageRule:
    """Extremes that follow those of each batch: r = momentum * r + (1 - momentum) * batch.

    A batch should hold what a range has to: those of single samples average to less.

    Attributes:
        momentum: how much of the old extreme stays.
    """

    momentum: float = 0.9


@dataclass(frozen=True, slots=True)
class PercentileRule:
    """What holds this part of all elements from below, and this part from above.

    Attributes:
        percent: in percent.
    """

    percent: float = 99.99


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """The least squared error of the codes."""


@dataclass(frozen=True, slots=True)
class DivergenceRule:
    """The widest range that diverges little more than the best one.

    How far off a cut value ends up counts for nothing in a divergence, so that long thin tails are
    cut hard. The error rule has no such blind spot.

    Attributes:
        tolerance: how many times the least divergence is allowed.
    """

    tolerance: float = 1.3


CalibrationRule = MinMaxRule | MovingAverageRule | PercentileRule | ErrorRule | DivergenceRule

RULES: dict[str, CalibrationRule] = {
    "min-max": MinMaxRule(),
    "moving-average": MovingAverageRule(),
    "percentile": PercentileRule(),
    "mse": ErrorRule(),
    "kl": DivergenceRule(),
}
"""The rules with their usual settings, by the name that a user picks."""


def calibrated_ranges(
    observed: Observed, rule: CalibrationRule, encoding: Encoding
) -> dict[str, Range]:
    """The range of each observed value.

    - ``MinMaxRule``: [smallest, largest].
    - ``MovingAverageRule``: from the first batch's extremes on, averaged over batches in order.
    - ``PercentileRule``: up to the upper edge of the bin that the percentile falls into, and down
      to the lower edge of the one that 100 minus it falls into; never beyond what was seen.
    - ``ErrorRule``: the least sum of (x - Q(x))^2 over the histogram's bins.
    - ``DivergenceRule``: see ``least_divergence_threshold``. A value that is never negative has
      2**bits levels from zero on. For others |x| has half as many levels, the range is
      symmetric, and ends sooner where nothing was seen.

    Args:
        observed: histograms and extremes.
        rule: how a range is chosen.
        encoding: of activations.

    Source: Jacob et al. (2018), section 3.1 (moving averages); Krishnamoorthi, Quantizing deep
    convolutional networks for efficient inference (2018), section 2 (min-max); Migacz, 8-bit
    Inference with TensorRT (GTC 2017), with the tolerance of Zeng, Hu and Wu's entry to the
    NeurIPS 2019 MicroNet challenge (divergence).
    """
    return {name: _range(value, rule, encoding) for name, value in observed.values.items()}


def _range(value: ObservedValue, rule: CalibrationRule, encoding: Encoding) -> Range:
    whole = value.statistics
    seen = Range(whole.minimum, whole.maximum)
    match rule:
        case MinMaxRule():
            return seen
        case MovingAverageRule(momentum):
            return _moving_average(value, momentum)
        case PercentileRule(percent):
            return _percentile(value, percent / 100).clamped(seen)
        case ErrorRule():
            return least_error_range(_points(value, seen), encoding)
        case DivergenceRule(tolerance):
            return _least_divergence(value, tolerance, encoding).clamped(seen)
        case _:
            assert_never(rule)


def _moving_average(value: ObservedValue, momentum: float) -> Range:
    low, high = value.batches[0].minimum, value.batches[0].maximum
    for batch in value.batches[1:]:
        low = momentum * low + (1 - momentum) * batch.minimum
        high = momentum * high + (1 - momentum) * batch.maximum
    return Range(low, high)


def _percentile(value: ObservedValue, part: float) -> Range:
    histogram = value.histogram
    counts, edges = histogram.counts.copy(), histogram.edges
    counts[counts.size // 2] += histogram.zeros
    needed = part * histogram.count
    above = int(np.searchsorted(np.cumsum(counts), needed))
    below = counts.size - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), needed))
    return Range(float(edges[below]), float(edges[min(above, counts.size - 1) + 1]))


def _points(value: ObservedValue, seen: Range) -> WeightedPoints:
    histogram = value.histogram
    used = histogram.counts > 0
    centres = (histogram.edges[:-1] + histogram.edges[1:])[used] / 2
    # Zeros cost nothing; the extremes are there so that the search starts from them.
    points = np.concatenate(
        [np.clip(centres, seen.minimum, seen.maximum), [seen.minimum, seen.maximum]]
    )
    return WeightedPoints(points, np.concatenate([histogram.counts[used], [0.0, 0.0]]))


def _least_divergence(value: ObservedValue, tolerance: float, encoding: Encoding) -> Range:
    histogram = value.histogram
    half = histogram.counts.size // 2
    below, above = histogram.counts[:half][::-1], histogram.counts[half:]
    width = float(np.ldexp(1.0, histogram.exponent))
    if not below.any():
        return Range(0.0, width * least_divergence_threshold(above, 1 << encoding.bits, tolerance))
    end = width * least_divergence_threshold(above + below, 1 << (encoding.bits - 1), tolerance)
    return Range(-end, end)
