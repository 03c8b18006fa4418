# SPDX-License-Identifier: Apache-2.0
"""Choose the scales of all regions: visit them in order, again and again, until all is level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.equalization.channel_ties import Slots
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalization_regions import Region, Scales
from intaglio.compiler.real.equalization.weight_ranges import WeightRanges

Reals = NDArray[np.float64]

STRETCH = 1.5
"""The power of steps after the first sweep; 1.3 and 1.7 are slower on most of nine networks."""

_NOTHING: Slots = np.array([], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Balanced:
    """What came out.

    Attributes:
        factors: s for each scale, 1 where it isn't free or belongs to a dead channel.
        dead: the free scales that were left at 1 because a range is next to nothing.
        sweeps: how often all regions were visited.
        change: how unevenly the last sweep changed a region's scales: the largest quotient of two
            changes, less 1.
    """

    factors: Reals
    dead: NDArray[np.bool_]
    sweeps: int
    change: float


def balance(scales: Scales, options: EqualizationOptions, reach: Reals | None = None) -> Balanced:
    """The scales that level the ranges of the weights around each region.

    Regions are visited in the order of the network. A visit solves its region exactly with all
    others held still, or two regions at once where a depthwise convolution alone joins them. From
    the second sweep on a visit goes further than that (successive over-relaxation), which halves
    the number of sweeps that a long chain takes, unless the sweep before changed more than the one
    before it.

    Args:
        scales: what there is to scale.
        options: how.
        reach: of the activations of each scale, for ``activation_share``; NaN where unknown.
    """
    state = _State.of(scales, options, reach)
    steps = _steps(scales, _behind_depthwise(scales) if options.solves_triples else {})
    change, sweeps, stretch = np.inf, 0, 1.0
    while change > options.tolerance and sweeps < options.sweeps:
        before, last = state.factors.copy(), change
        for step in steps:
            state.visit(step, stretch)
        change = state.unevenness(before)
        sweeps += 1
        stretch = STRETCH if change < last else 1.0
    return Balanced(state.factors, scales.free & ~state.active, sweeps, change)


@dataclass(frozen=True, slots=True)
class _Step:
    """A region by number; where two are solved at once, the layer between and the other one."""

    region: int
    depthwise: tuple[int, int] | None


def _steps(scales: Scales, partners: Mapping[int, tuple[int, int]]) -> list[_Step]:
    """Each region once, in the order of the network."""
    steps: list[_Step] = []
    done: set[int] = set()
    for number, region in enumerate(scales.regions):
        if number not in done and scales.free[region.scales].any():
            partner = partners.get(number)
            steps.append(_Step(number, partner))
            done.update(() if partner is None else partner[1:])
    return steps


def _behind_depthwise(scales: Scales) -> dict[int, tuple[int, int]]:
    """For a region that only a depthwise layer reads: that layer, and the region behind it.

    The layer alone writes that other region, and no two of its channels share a scale.
    """
    readers = {region.sinks: number for number, region in enumerate(scales.regions)}
    found: dict[int, tuple[int, int]] = {}
    for number, region in enumerate(scales.regions):
        before = readers.get(region.sources)
        if len(region.sources) != 1 or before is None or before == number:
            continue
        (index,) = region.sources
        layer = scales.layers[index]
        depthwise = layer.linear.groups == layer.linear.inputs == layer.linear.outputs
        apart = bool(np.isin(layer.inputs, scales.regions[before].scales).all())
        apart &= np.unique(layer.inputs).size == layer.inputs.size
        apart &= np.unique(layer.outputs).size == layer.outputs.size
        if depthwise and apart and not set(scales.regions[before].sources) & set(region.sinks):
            found[before] = (index, number)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Scales on their way.

    Attributes:
        scales: what there is to scale.
        options: how.
        ranges: of the weights of each layer, unscaled.
        active: the scales that are free and belong to no dead channel.
        reach: of the unscaled activations of each scale, None if it doesn't count.
        factors: the current s of each scale, changed in place.
    """

    scales: Scales
    options: EqualizationOptions
    ranges: tuple[WeightRanges, ...]
    active: NDArray[np.bool_]
    reach: Reals | None
    factors: Reals

    @staticmethod
    def of(scales: Scales, options: EqualizationOptions, reach: Reals | None) -> "_State":
        """Before any sweep: all factors 1, dead channels found."""
        ranges = tuple(WeightRanges.of(layer.linear, options.measure) for layer in scales.layers)
        state = _State(scales, options, ranges, scales.free, reach, np.ones(scales.free.size))
        everything = range(len(scales.layers))
        sources = state.written(everything, relative=True)
        sinks = state.read(everything, relative=True)
        alive: NDArray[np.bool_] = np.minimum(sources, sinks) > options.least_range
        return _State(scales, options, ranges, scales.free & alive, reach, state.factors)

    def written(self, layers: Sequence[int], *, relative: bool = False) -> Reals:
        """For each scale the largest range of the weights of these layers that write it."""
        found = np.zeros(self.factors.size)
        for index in layers:
            layer = self.scales.layers[index]
            ranges = self.ranges[index].of_outputs(self.factors[layer.inputs])
            if self.options.include_bias:
                ranges = np.maximum(ranges, np.abs(layer.linear.bias))
            ranges = ranges / self.factors[layer.outputs]
            np.maximum.at(found, layer.outputs, _share(ranges) if relative else ranges)
        return found

    def read(self, layers: Sequence[int], *, relative: bool = False) -> Reals:
        """For each scale the largest range of the weights of these layers that read it."""
        found = np.zeros(self.factors.size)
        for index in layers:
            layer = self.scales.layers[index]
            ranges = self.ranges[index].of_inputs(1 / self.factors[layer.outputs])
            ranges = ranges * self.factors[layer.inputs]
            np.maximum.at(found, layer.inputs, _share(ranges) if relative else ranges)
        return found

    def visit(self, step: _Step, stretch: float) -> None:
        """Level one region, or two around a depthwise layer, by steps to the power ``stretch``."""
        region = self.scales.regions[step.region]
        if step.depthwise is None:
            self._settle(region, stretch)
        else:
            index, after = step.depthwise
            self._settle_triple(region, index, self.scales.regions[after], stretch)

    def unevenness(self, before: Reals) -> float:
        """The largest quotient of the changes of two scales of a region, less 1.

        A factor that all scales of a region have in common changes no quantized network.
        """
        largest = 0.0
        steps = np.log(self.factors / before)
        for region in self.scales.regions:
            own = steps[region.scales[self.active[region.scales]]]
            largest = max(largest, float(np.ptp(own)) if own.size else 0.0)
        return float(np.expm1(largest))

    def _settle(self, region: Region, stretch: float, settled: Slots = _NOTHING) -> None:
        """Multiply each scale by r1**a / r2**(1 - a), but for those settled already."""
        own = np.setdiff1d(region.scales[self.active[region.scales]], settled)
        if own.size == 0:
            return
        sources, sinks = self.written(region.sources)[own], self.read(region.sinks)[own]
        share = self.options.exponent
        sources = self._with_activations(own, sources)
        step = share * np.log(sources) - (1 - share) * np.log(sinks)
        if set(region.sources) & set(region.sinks):
            step /= 2  # both ends of the same weights move: a full step would overshoot
        self._multiply(own, np.exp(step), stretch)

    def _with_activations(self, own: Slots, sources: Reals) -> Reals:
        """r1**(1 - t) * reach**t, or r1 where the reach isn't known or is zero."""
        share = self.options.activation_share
        if self.reach is None or share == 0:
            return sources
        reach = self.reach[own] / self.factors[own]
        counted = np.isfinite(reach) & (reach > 0)
        mixed = sources ** (1 - share) * np.where(counted, reach, 1.0) ** share
        return np.where(counted, mixed, sources)

    def _settle_triple(self, region: Region, index: int, after: Region, stretch: float) -> None:
        """Around a depthwise layer: s12 = r1 / g, s23 = g / r3 with g = (r1 * r2 * r3)**(1/3)."""
        layer = self.scales.layers[index]
        both = self.active[layer.inputs] & self.active[layer.outputs]
        first, second = layer.inputs[both], layer.outputs[both]
        r1, r3 = self.written(region.sources)[first], self.read(after.sinks)[second]
        r2 = self.read([index])[first]
        mean = np.cbrt(r1) * np.cbrt(r2) * np.cbrt(r3)
        self._multiply(first, r1 / mean, stretch)
        self._multiply(second, mean / r3, stretch)
        self._settle(region, stretch, first)
        self._settle(after, stretch, second)

    def _multiply(self, own: Slots, steps: Reals, stretch: float) -> None:
        largest = self.options.largest_scale
        self.factors[own] = np.clip(self.factors[own] * steps**stretch, 1 / largest, largest)


def _share(ranges: Reals) -> Reals:
    """Of the largest range, zero where all are."""
    largest = ranges.max(initial=0.0)
    return ranges / largest if largest > 0 else ranges
