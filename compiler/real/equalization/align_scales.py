# SPDX-License-Identifier: Apache-2.0
"""Scale whole tensors so that power-of-two scales fit them: little is lost by rounding up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.editing import float_constant
from intaglio.compiler.real.equalization.apply_scales import apply_scales
from intaglio.compiler.real.equalization.channel_ties import Layer
from intaglio.compiler.real.equalization.equalization_regions import (
    Scales,
    describe_region,
    find_regions,
)
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import parameters_for
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.weight_scales import weight_parameters
from intaglio.compiler.real.ranges.consumer_weights import consumer_weights
from intaglio.compiler.real.ranges.data_free_ranges import WeightedErrorRule, data_free_range
from intaglio.compiler.real.roles import (
    is_read_for_selection,
    quantized_values,
    weight_axis,
    weight_input,
)

STEPS = 32  # factors tried for each region, from 1 to below 2
SWEEPS = 4
# What comes this close to a power of two, in octaves, may be rounded past it.
_MARGIN = 1e-4


def align_scales(
    model: ir.Model,
    distributions: Mapping[str, ChannelDistribution],
    options: QuantizationOptions,
) -> Outcome:
    """Multiply tensors by common factors, so that rounding scales up to powers of two costs least.

    A power-of-two scale is up to twice as large as a free one, and its rounding error up to four
    times. But f(x / s) = f(x) / s for one s > 0 in all channels of a region (see
    ``equalize_layers``), which leaves one number for each region to choose. With d the step of a
    free scale and p(d) the smallest power of two from d on, the factors, between 1 and 2, minimize

        sum over weights W of    n(W) * (p(d s_in / s_out) / (d s_in / s_out))^2
        + sum over values x of   n(x) * (p(d / s_x) / (d / s_x))^2

    where n is the relative error with free scales: d^2 times the second moment of what meets the
    weights, over the variance of the layer's result; d^2 over the variance of the value, channels
    weighted by ``consumer_weights``. Regions take turns, 4 times, with 32 factors each.

    The function of the network stays the same; noted statistics and bounds follow, and so
    distributions have to be propagated again. With free scales nothing is done.

    Args:
        model: a normalized model, equalized if it is to be; it stays as it is.
        distributions: of its values, by name; where one is missing, the value doesn't count.
        options: the codes that the network will have.

    Source: ours; that a common factor is free follows from Nagel et al. (2019), section 4.1.
    """
    model = model.clone()
    if not options.power_of_two_scales:
        return Outcome(model, 0, "nothing to do: scales are free")
    scales = find_regions(model.graph)
    terms = [*_of_weights(scales, distributions, options)]
    terms += _of_values(model, scales, distributions, options)
    octaves = np.zeros(len(scales.regions))
    before = sum(term.error(octaves) for term in terms)
    for _ in range(SWEEPS):
        for number, region in enumerate(scales.regions):
            if scales.free[region.scales].all():
                own = [term for term in terms if number in (term.multiplied, term.divided)]
                octaves[number] = _best(own, octaves, number)
    after, free = (
        sum(found) for found in ((t.error(octaves) for t in terms), (t.free for t in terms))
    )
    factors = np.ones(scales.free.size)
    for region, octave in zip(scales.regions, octaves, strict=True):
        factors[region.scales] = 2.0**octave
    copies = apply_scales(model.graph, scales, factors)
    notes = [
        Note(describe_region(region, scales.layers), "scaled as a whole", {"scale": 2.0**octave})
        for region, octave in zip(scales.regions, octaves, strict=True)
        if octave
    ]
    summary = (
        f"{len(notes)} regions; estimated relative error of all steps {before:.2g} before, "
        f"{after:.2g} now, {free:.2g} with free scales"
    )
    return Outcome(model, int(np.count_nonzero(factors != 1)), summary, (*copies, *notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """Steps of one tensor, and what they cost.

    Attributes:
        steps: log2 of the steps of free scales.
        costs: the relative error of each with a free scale.
        multiplied: the number of the region whose factor multiplies the tensor, -1 for none.
        divided: the number of the region whose factor divides it, likewise.
    """

    steps: Reals
    costs: Reals
    multiplied: int
    divided: int

    @property
    def free(self) -> float:
        """What free scales cost."""
        return float(self.costs.sum())

    def error(self, octaves: Reals) -> float:
        """What powers of two cost, at these logarithms of factors."""
        up = octaves[self.multiplied] if self.multiplied >= 0 else 0.0
        down = octaves[self.divided] if self.divided >= 0 else 0.0
        steps = self.steps + up - down
        return float(self.costs @ 4.0 ** (np.ceil(steps + _MARGIN) - steps))


def _best(terms: list[_Term], octaves: Reals, number: int) -> float:
    """The logarithm for one region that costs least, all others as they are."""
    tried = octaves.copy()
    errors: list[float] = []
    candidates = np.arange(STEPS) / STEPS
    for candidate in candidates:
        tried[number] = candidate
        errors.append(sum(term.error(tried) for term in terms))
    return float(candidates[int(np.argmin(errors))])


def _of_weights(
    scales: Scales,
    distributions: Mapping[str, ChannelDistribution],
    options: QuantizationOptions,
) -> Iterator[_Term]:
    encoding = replace(options.weights, power_of_two=False)
    region_of = _region_of(scales)
    for layer in scales.layers:
        found = weight_input(layer.node)
        array = None if found is None else float_constant(found[1])
        if found is None or array is None or array.size == 0:
            continue
        axis = weight_axis(layer.node, found[0], array.ndim) if options.per_channel else None
        steps = np.array(weight_parameters(array, axis, encoding, options.weight_range).scales)
        cost = _cost_of_weights(layer, distributions)
        yield _Term(
            np.log2(steps),
            cost * np.square(steps) / steps.size,
            int(region_of[layer.inputs[0]]),
            int(region_of[layer.outputs[0]]),
        )


def _cost_of_weights(layer: Layer, distributions: Mapping[str, ChannelDistribution]) -> float:
    """Second moment of all that meets the weights over the variance of the results."""
    linear = layer.linear
    mean, variance = np.zeros(linear.inputs), np.ones(linear.inputs)
    source = layer.node.inputs[0]
    known = None if source is None else distributions.get(source.name or "")
    if known is not None and known.channels == linear.inputs:
        mean, variance = known.moments()
    grouped = (linear.groups, linear.outputs // linear.groups, linear.weight.shape[1], -1)
    squares = np.square(linear.weight).reshape(grouped)
    taps, rows = squares.shape[3], squares.shape[1]
    results = float((squares.sum(axis=(1, 3)).ravel() * variance).sum())
    met = float((np.square(mean) + variance).sum()) * taps * rows
    return met / results if results > 0 else 0.0


def _of_values(
    model: ir.Model,
    scales: Scales,
    distributions: Mapping[str, ChannelDistribution],
    options: QuantizationOptions,
) -> Iterator[_Term]:
    encoding = replace(options.activations, power_of_two=False)
    region_of, weights = _region_of(scales), consumer_weights(model.graph)
    for value in quantized_values(model.graph):
        known, slots = distributions.get(value.name or ""), scales.values.get(value)
        if known is None or slots is None or slots.size == 0 or is_read_for_selection(value):
            continue
        found = data_free_range(value, known, WeightedErrorRule(), encoding, weights)
        own = weights.get(value.name or "")
        if own is None or own.size != known.channels:
            own = np.ones(known.channels)
        spread = float(own @ known.moments()[1])
        if spread > 0:
            (step,) = parameters_for(found.minimum, found.maximum, encoding).scales
            cost = np.array([step**2 * own.sum() / spread])
            yield _Term(np.log2([step]), cost, -1, int(region_of[slots.ravel()[0]]))


def _region_of(scales: Scales) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The number of each scale's region."""
    found = np.full(scales.free.size, -1, dtype=np.int64)
    for number, region in enumerate(scales.regions):
        found[region.scales] = number
    return found
