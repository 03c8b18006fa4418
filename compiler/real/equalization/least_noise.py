# SPDX-License-Identifier: Apache-2.0
"""Choose scales that make least noise: region by region, again and again, never for the worse."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.equalization.channel_ties import Slots
from intaglio.compiler.real.equalization.equalization_regions import Region, Scales
from intaglio.compiler.real.equalization.noise_terms import (
    TINY,
    ActivationNoise,
    QuantizationNoise,
    Reals,
    WeightNoise,
)

SLACK = (0.6, 0.8, 1.0, 1.25, 1.6)
"""How far the largest weight and the largest activation may move at a visit."""
LEAST_GAIN = 1e-4
"""The share by which the noise around a region has to fall for new scales to be taken."""
LEAST_RANGE = 1e-8
LARGEST_SCALE = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A region whose scales are to be chosen, and all noise that they change.

    Attributes:
        own: the scales that may be other than 1.
        sources: the layers that write its channels.
        sinks: those that read them.
        values: those with its channels.
    """

    own: Slots
    sources: tuple[WeightNoise, ...]
    sinks: tuple[WeightNoise, ...]
    values: tuple[ActivationNoise, ...]

    def noise(self, rows: Reals) -> Reals:
        """``[K]``, of rows of scales that differ in the region alone."""
        costs = np.zeros(len(rows))
        for layer in (*self.sources, *(sink for sink in self.sinks if sink not in self.sources)):
            costs += layer.noise(rows, written=layer in self.sources, read=layer in self.sinks)
        for value in self.values:
            costs += value.noise(rows)
        return costs


@dataclass(frozen=True, slots=True, eq=False)
class LeastNoise:
    """What came out.

    Attributes:
        factors: s for each scale.
        places: by the number of the region; a reason where the noise isn't known, or nothing of
            a region may be scaled.
        totals: the sum of all noise-to-signal ratios: before any sweep, and after each.
    """

    factors: Reals
    places: tuple[Place | str, ...]
    totals: tuple[float, ...]


def least_noise(
    scales: Scales, noise: QuantizationNoise, sweeps: int, tolerance: float
) -> LeastNoise:
    """Visit all regions until a sweep lowers the total by less than a share ``tolerance`` of it.

    Args:
        scales: what there is to scale.
        noise: what it is worth.
        sweeps: how often all regions are visited at most.
        tolerance: of the total.
    """
    active = _active(scales, noise)
    places = tuple(_place(region, noise, active) for region in scales.regions)
    factors = np.ones(scales.free.size)
    totals = [noise.total(factors)]
    for _ in range(sweeps):
        for place in places:
            if isinstance(place, Place):
                _visit(place, factors)
        totals.append(noise.total(factors))
        if totals[-1] >= totals[-2] * (1 - tolerance):
            break
    return LeastNoise(factors, places, tuple(totals))


def _active(scales: Scales, noise: QuantizationNoise) -> NDArray[np.bool_]:
    """Free scales of channels that carry something, are written and are read."""
    ones = np.ones(scales.free.size)
    written, read, spread = np.zeros((3, scales.free.size))
    for layer in noise.layers:
        if isinstance(layer, WeightNoise):
            outer, inner = layer.of_outputs(ones), layer.of_inputs(ones)
            np.maximum.at(written, layer.outputs, outer / max(float(outer.max()), TINY))
            np.maximum.at(read, layer.inputs, inner / max(float(inner.max()), TINY))
            np.maximum.at(spread, layer.inputs, layer.variance)
    alive: NDArray[np.bool_] = np.minimum(written, read) > LEAST_RANGE
    return scales.free & alive & (spread > 0)


def _place(region: Region, noise: QuantizationNoise, active: NDArray[np.bool_]) -> Place | str:
    sources = [noise.layers[index] for index in region.sources]
    sinks = [noise.layers[index] for index in region.sinks]
    reasons = [layer for layer in (*sources, *sinks) if isinstance(layer, str)]
    reasons += [noise.unknown[slot] for slot in region.scales.tolist() if slot in noise.unknown]
    own = region.scales[active[region.scales]]
    if reasons or own.size == 0:
        return next(iter(reasons), "none of its channels can be scaled")
    return Place(
        own,
        tuple(layer for layer in sources if isinstance(layer, WeightNoise)),
        tuple(layer for layer in sinks if isinstance(layer, WeightNoise)),
        tuple(value for value in noise.values if np.isin(value.slots, own).any()),
    )


def _visit(place: Place, factors: Reals) -> None:
    """Take the best of some candidates for the scales of a region, if any is better."""
    steps = _candidates(place, factors)
    rows = np.repeat(factors[None], len(steps) + 1, axis=0)
    moved = rows[1:, place.own] * steps
    rows[1:, place.own] = np.clip(moved, 1 / LARGEST_SCALE, LARGEST_SCALE)
    costs = place.noise(rows)
    best = int(np.argmin(costs))
    if costs[best] < costs[0] * (1 - LEAST_GAIN):
        factors[place.own] = rows[best, place.own]


def _candidates(place: Place, factors: Reals) -> Reals:
    """``[K, own]``: numbers by which to multiply the scales of a region.

    While the largest weights and activations stay where they are, the noise around channel i is

        alpha_i s_i^2 + beta_i / s_i^2,   least at s_i = (beta_i / alpha_i)^(1/4),

    within bounds that keep them there. Candidates move these bounds by ``SLACK``.
    """
    rows, own = factors[None], place.own
    written, read, reach = np.zeros((3, factors.size))
    by_weights, by_values, beta = np.zeros((3, factors.size))
    for layer in place.sources:
        if layer.per_channel:
            continue
        spans, after = layer.of_outputs(factors), factors[layer.outputs]
        largest = max(float(spans.max()), TINY)
        np.maximum.at(written, layer.outputs, spans / largest)
        received = np.repeat(layer.received(rows)[0], after.size // layer.groups)
        noise = layer.unit * layer.importance * np.square(after * largest) * received
        np.add.at(by_weights, layer.outputs, noise)
    for layer in place.sinks:
        if layer.is_free:
            continue
        before = factors[layer.inputs]
        sent = layer.sent(rows, written=False, read=False)[0]
        sent = np.repeat(sent, before.size // layer.groups)
        np.add.at(beta, layer.inputs, layer.unit * layer.variance / np.square(before) * sent)
        np.maximum.at(read, layer.inputs, layer.shares(factors))
    for value in place.values:
        within = value.importance * np.square(factors[value.slots])
        share = within / max(float(within.sum()), TINY)
        np.add.at(by_values, value.slots, value.noise(rows)[0] * share)
        np.maximum.at(reach, value.slots, value.shares(factors))
    found: list[Reals] = []
    upper = 1 / np.maximum(read[own], TINY)
    for weights, values in product(SLACK, SLACK):
        alpha = weights**2 * by_weights[own] + values**2 * by_values[own]
        best = np.sqrt(np.sqrt(np.maximum(beta[own], TINY) / np.maximum(alpha, TINY)))
        lower = np.maximum(written[own] / weights, reach[own] / values)
        crossed = np.sqrt(lower) * np.sqrt(upper)
        found.append(np.where(lower > upper, crossed, np.clip(best, lower, upper)))
    steps = np.stack(found)
    return np.where(steps > 0, steps, 1.0)
