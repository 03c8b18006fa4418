# SPDX-License-Identifier: Apache-2.0
"""Ranges of activations as a recipe's choices say: from data, or without."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import Propagated
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.ranges.calibrated_ranges import (
    CalibrationRule,
    DivergenceRule,
    ErrorRule,
    MovingAverageRule,
    PercentileRule,
    calibrated_ranges,
)
from intaglio.compiler.real.ranges.data_free_ranges import (
    DataFreeRule,
    SigmaRule,
    WeightedErrorRule,
    data_free_ranges,
)
from intaglio.compiler.real.ranges.histograms import observe_histograms
from intaglio.compiler.real.ranges.ranges import Range, observed_ranges
from intaglio.compiler.real.roles import quantized_values
from intaglio.compiler.real.sampled_moments.keep_positions import keep_positions
from intaglio.compiler.real.statistics import Statistics
from intaglio.compiler.recipes.choices import Choices
from intaglio.compiler.recipes.known_inputs import KnownInputs

Report = Callable[[int, int | None], None]

_WIDE = 8  # bits of activations


@dataclass(frozen=True, slots=True)
class FoundRanges:
    """The ranges, what data showed (nothing where none was used), and how they were found."""

    ranges: Mapping[str, Range]
    statistics: Statistics
    summary: str


def find_ranges(
    model: ir.Model,
    choices: Choices,
    known: Propagated,
    inputs: KnownInputs,
    data: Iterable[Feeds] | None,
    report: Report,
) -> FoundRanges:
    """The range of each value that becomes codes.

    Raises:
        InvalidData: the data doesn't fit the model; or activations, or an input, have no range
            without data.
    """
    rule = _data_free_rule(choices)
    if rule is not None:
        given = {name: _within(found) for name, found in inputs.ranges.items()}
        distributions = {**known.distributions, **given}
        found = data_free_ranges(
            model, distributions, rule, choices.codes.activations, _reasons(known, inputs)
        )
        return FoundRanges(found, Statistics({}, 0), f"{choices.ranges}, without data")
    assert data is not None
    names = {value.name for value in quantized_values(model.graph) if value.name}
    seen = as_observed(model, choices)
    calibration = _calibration_rule(choices)
    if calibration is None:
        statistics = observe(seen, data, names, report)
        ranges = observed_ranges(statistics)
    else:
        observed = observe_histograms(seen, data, names, report)
        statistics = observed.statistics
        ranges = calibrated_ranges(observed, calibration, choices.codes.activations)
    binding = {name: inputs.ranges[name] for name in inputs.binding}
    summary = f"{choices.ranges}, on {statistics.samples} samples"
    return FoundRanges({**ranges, **binding}, statistics, summary)


def as_observed(model: ir.Model, choices: Choices) -> ir.Model:
    """The network that samples are run through, value for value that of ``model``."""
    match choices.averaged_positions:
        case "all":
            return model
        case "one":
            return keep_positions(model)
        case "by-width":
            wide = choices.codes.activation_bits >= _WIDE
            return keep_positions(model) if wide else model
        case _:
            assert_never(choices.averaged_positions)


def _within(range: Range) -> ChannelDistribution:
    """All that is said of an input is where it ends."""
    low, high = np.array([range.minimum]), np.array([range.maximum])
    return ChannelDistribution((low + high) / 2, np.zeros(1), low, high)


def _reasons(known: Propagated, inputs: KnownInputs) -> dict[str, str]:
    """Why values have no distribution; of inputs, why none could be estimated."""
    estimated = {name: str(error).rstrip(".") for name, error in inputs.missing.items()}
    return {**known.missing, **estimated}


def _data_free_rule(choices: Choices) -> DataFreeRule | None:
    match choices.ranges:
        case "sigma":
            return SigmaRule(choices.range_deviations)
        case "weighted-mse":
            return WeightedErrorRule()
        case _:
            return None


def _calibration_rule(choices: Choices) -> CalibrationRule | None:
    """The rule; None for plain extremes, which need no histogram."""
    match choices.ranges:
        case "moving-average":
            return MovingAverageRule(choices.momentum)
        case "percentile":
            return PercentileRule(choices.percentile)
        case "mse":
            return ErrorRule()
        case "kl":
            return DivergenceRule(choices.tolerance)
        case "min-max" | "sigma" | "weighted-mse":
            return None
        case _:
            assert_never(choices.ranges)
