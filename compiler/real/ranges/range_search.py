# SPDX-License-Identifier: Apache-2.0
"""The range whose codes lose least of a value: weighted squared error over candidate ranges."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.real.parameters import Encoding, Reals, parameters_for
from intaglio.compiler.real.ranges.ranges import Range

SMALLEST_FACTOR = 1e-3  # of the full range that a candidate may cut down to
STEPS = 60
_FINE_STEPS = 20
_STEPS_A_SIDE = 8
_ROUNDS = 4  # of lower and upper end in turn
_BINS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class WeightedPoints:
    """Real numbers, and how much an error of each counts.

    Attributes:
        values: ``[N]``.
        weights: ``[N]``, none negative.
    """

    values: Reals
    weights: Reals

    @staticmethod
    def pooled(values: Reals, weights: Reals) -> "WeightedPoints":
        """Many points as at most 2048: those that fall into one bin become their weighted mean.

        The extremes stay as they are, so that the full range does.
        """
        if values.size <= _BINS:
            return WeightedPoints(values, weights)
        low, high = float(values.min()), float(values.max())
        if low == high:
            return WeightedPoints(np.array([low]), np.array([weights.sum()]))
        places = (values - low) * ((_BINS - 1) / (high - low))
        bins = np.minimum(places.astype(np.int64), _BINS - 1)
        mass = np.bincount(bins, weights, _BINS)
        moment = np.bincount(bins, weights * values, _BINS)
        used = mass > 0
        means: Reals = np.clip(moment[used] / mass[used], low, high)
        masses: Reals = np.concatenate([mass[used], [0.0, 0.0]])
        return WeightedPoints(np.concatenate([means, [low, high]]), masses)


def quantization_error(points: WeightedPoints, found: Range, encoding: Encoding) -> float:
    """sum_i w_i * (x_i - Q(x_i))^2, Q being the codes that cover the range and zero."""
    parameters = parameters_for(found.minimum, found.maximum, encoding)
    error = parameters.dequantize(parameters.quantize(points.values)) - points.values
    return float(points.weights @ np.square(error))


def least_error_range(points: WeightedPoints, encoding: Encoding) -> Range:
    """The range that minimizes ``quantization_error``, of those that a grid of factors offers.

    Both ends of the full range are scaled by one factor from 1 to 1/1000, on 60 geometric steps
    and then 20 between the best one's neighbours. Where codes needn't be symmetric and the full
    range has two sides, the ends are also scaled apart: by 8 x 8 factors, and from the best of
    all these they take turns until neither moves. Codes are those of ``parameters_for``: with
    power-of-two scales the search chooses between the neighbouring powers.

    Source: the search for a clipping point by its squared error, as Sung, Shin and Hwang,
    Resiliency of Deep Neural Networks under Quantization (2015), section 2.
    """
    full = Range(
        min(0.0, float(points.values.min(initial=0.0))),
        max(0.0, float(points.values.max(initial=0.0))),
    )

    found = _best(points, encoding, full, Range(0.0, 0.0))
    if encoding.symmetric or full.minimum == 0.0 or full.maximum == 0.0:
        return found
    factors = np.geomspace(1.0, SMALLEST_FACTOR, _STEPS_A_SIDE).tolist()
    starts = [
        found,
        *(Range(full.minimum * f, full.maximum * g) for f in factors for g in factors),
    ]
    found = min(starts, key=lambda start: quantization_error(points, start, encoding))
    lower, upper = Range(full.minimum, 0.0), Range(0.0, full.maximum)
    for _ in range(_ROUNDS):
        before = found
        found = _best(points, encoding, upper, Range(before.minimum, 0.0))
        found = _best(points, encoding, lower, Range(0.0, found.maximum))
        old = quantization_error(points, before, encoding)
        if quantization_error(points, found, encoding) >= old:
            return before
    return found


def _best(points: WeightedPoints, encoding: Encoding, scaled: Range, kept: Range) -> Range:
    """The best factor's range: ``scaled`` times the factor, joined with ``kept``."""

    def candidate(factor: float) -> Range:
        return Range(scaled.minimum * factor, scaled.maximum * factor).union(kept)

    def best_of(factors: Reals) -> int:
        errors = [quantization_error(points, candidate(f), encoding) for f in factors.tolist()]
        return int(np.argmin(errors))

    coarse: Reals = np.geomspace(1.0, SMALLEST_FACTOR, STEPS)
    place = best_of(coarse)
    upper, lower = coarse[max(place - 1, 0)], coarse[min(place + 1, STEPS - 1)]
    fine: Reals = np.geomspace(float(upper), float(lower), _FINE_STEPS)
    factors: Reals = np.concatenate([coarse[[place]], fine])
    return candidate(float(factors[best_of(factors)]))
