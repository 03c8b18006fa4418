# SPDX-License-Identifier: Apache-2.0
"""Ranges of activations without any data, from the distributions of their channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.ranges.consumer_weights import consumer_weights
from intaglio.compiler.real.ranges.range_search import WeightedPoints, least_error_range
from intaglio.compiler.real.ranges.ranges import Range, fixed_range
from intaglio.compiler.real.roles import is_read_for_selection, quantized_values
from intaglio.errors import InvalidData

OUTPUT_SIGMAS_BELOW, OUTPUT_SIGMAS = 4.0, 6.0

# Deviations at which the error is taken, in standard deviations, and how likely they are: the
# logistic distribution of variance 1. Activations have longer tails than the normal distribution:
# a range that the latter alone chooses cuts what residual networks need.
_DEVIATIONS: Reals = np.linspace(-12.0, 12.0, 385)
_LIKELIHOOD: Reals = np.cosh(_DEVIATIONS * np.pi / np.sqrt(12.0)) ** -2.0


@dataclass(frozen=True, slots=True)
class SigmaRule:
    """So many standard deviations around the mean of every channel.

    Attributes:
        sigmas: how many.
    """

    sigmas: float = 6.0


@dataclass(frozen=True, slots=True)
class WeightedErrorRule:
    """The least squared error of the codes, each channel weighted by what its readers make of it.

    Attributes:
        output_sigmas_below: standard deviations below the mean for outputs of the network.
        output_sigmas: likewise above. What counts there is the largest of many values (a class),
            not the typical one; the finer its codes, the fewer classes tie.
    """

    output_sigmas_below: float = OUTPUT_SIGMAS_BELOW
    output_sigmas: float = OUTPUT_SIGMAS


DataFreeRule = SigmaRule | WeightedErrorRule


def data_free_ranges(
    model: ir.Model,
    distributions: Mapping[str, ChannelDistribution],
    rule: DataFreeRule,
    encoding: Encoding,
    reasons: Mapping[str, str] | None = None,
) -> dict[str, Range]:
    """One range for each value that becomes codes.

    - ``SigmaRule``: the union over channels of [max(mean - n std, low), min(mean + n std, high)].
    - ``WeightedErrorRule``: the range [lo, hi] that minimizes sum_c w_c * E[(x_c - Q(x_c))^2],
      x_c = clip(mean + std z, low, high) with z logistic of variance 1 within 12 deviations, w
      being ``consumer_weights`` and Q the codes that ``parameters_for`` makes of the range,
      whatever their width and scales.
    - A graph input whose channels all end has the range of these ends under either rule.

    Source: DFQ (Nagel et al. 2019), section 5, for the first rule with n = 6.

    Args:
        model: a normalized model.
        distributions: by value name, a channel for each index along axis 1.
        rule: how a range is chosen.
        encoding: of activations.
        reasons: by value name, why a distribution is missing.

    Raises:
        InvalidData: values without a distribution, all of them named.
    """
    values = list(quantized_values(model.graph))
    _check_complete(values, distributions, encoding, reasons or {})
    weights = consumer_weights(model.graph) if isinstance(rule, WeightedErrorRule) else {}
    found = [(value, distributions.get(value.name or "")) for value in values]
    return {
        value.name or "": data_free_range(value, distribution, rule, encoding, weights)
        for value, distribution in found
        if distribution is not None
    }


def data_free_range(
    value: ir.Value,
    found: ChannelDistribution,
    rule: DataFreeRule,
    encoding: Encoding,
    weights: Mapping[str, Reals],
) -> Range:
    """The range of one value of this distribution, ``weights`` being ``consumer_weights``."""
    if value.is_graph_input() and np.isfinite([found.low, found.high]).all():
        return Range(float(found.low.min()), float(found.high.max()))
    match rule:
        case SigmaRule(sigmas):
            return _within(found, sigmas, sigmas)
        case WeightedErrorRule(below, above) if (
            # What only a cap reads takes the range of the capped value, whatever is found here.
            value.is_graph_output() or is_read_for_selection(value)
        ):
            return _within(found, below, above)
        case WeightedErrorRule():
            own = weights.get(value.name or "")
            if own is None or own.size != found.channels:
                own = np.ones(found.channels)
            points = found.mean[:, None] + found.std[:, None] * _DEVIATIONS
            points = np.clip(points, found.low[:, None], found.high[:, None])
            costs = (own / own.max())[:, None] * _LIKELIHOOD
            return least_error_range(WeightedPoints.pooled(points.ravel(), costs.ravel()), encoding)


def _within(found: ChannelDistribution, below: float, above: float) -> Range:
    lowest = np.clip(found.mean - below * found.std, found.low, found.high)
    highest = np.clip(found.mean + above * found.std, found.low, found.high)
    return Range(float(lowest.min()), float(highest.max()))


def _check_complete(
    values: list[ir.Value],
    distributions: Mapping[str, ChannelDistribution],
    encoding: Encoding,
    reasons: Mapping[str, str],
) -> None:
    missing: list[tuple[str, str | None]] = []
    for value in values:
        name, producer = value.name or "", value.producer()
        known = producer is not None and fixed_range(producer, encoding) is not None
        if name not in distributions and not known:
            missing.append((name, reasons.get(name)))
    if missing:
        raise InvalidData(
            f"the distributions of activations without data: {_listed(missing)}",
            f"none for {len(missing)} of {len(values)} values",
            "one that BatchNormalization noted, or that follows from such",
            "give --input-range or --preprocessing for inputs, or data with --calibration and a "
            "recipe that takes ranges from it (minmax, guideline), or choose one that makes its "
            "own data without BatchNormalization (gzsq)",
        )


def _listed(missing: list[tuple[str, str | None]]) -> str:
    """All names; neighbours that lack for the same reason share its mention."""
    parts: list[str] = []
    for reason, group in groupby(missing, key=itemgetter(1)):
        *others, last = (name for name, _ in group)
        names = f"{', '.join(others)} and {last}" if others else last
        parts.append(names if reason is None else f"{names} ({reason})")
    return ", ".join(parts)
