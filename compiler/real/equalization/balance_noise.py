# SPDX-License-Identifier: Apache-2.0
"""Channels are scaled so that codes of weights and of activations together make least noise."""

from collections.abc import Iterator, Mapping
from math import log10

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.propagate_distributions import (
    NO_INPUTS,
    propagate_distributions,
)
from intaglio.compiler.real.equalization.apply_scales import apply_scales
from intaglio.compiler.real.equalization.equalization_regions import (
    Region,
    Scales,
    describe_region,
    find_regions,
)
from intaglio.compiler.real.equalization.least_noise import LeastNoise, Place, least_noise
from intaglio.compiler.real.equalization.quantization_noise import quantization_noise
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.quantization.options import QuantizationOptions

SWEEPS = 8
TOLERANCE = 0.005


def balance_noise(
    model: ir.Model,
    options: QuantizationOptions,
    inputs: Mapping[str, ChannelDistribution] = NO_INPUTS,
) -> Outcome:
    """Scale channels so that the estimated noise-to-signal ratios of all layers sum up to least.

    With x the channels between two layers, f(x / s) = f(x) / s for s > 0, so that dividing a
    channel by s, what writes it by s, and multiplying what reads it by s leaves the float function
    the same. Equal ranges, the aim of equalization, are not yet least error: it is codes that
    rounding is relative to, one step for all channels of a tensor. The noise is

        sum over layers of  sum_o g_o (step_W^2 / 12 taps sum_c Var[x_c]
                                       + step_x^2 / 12 sum_c,k W_ock^2) / sum_o g_o Var[y_o]

    with the steps of weights and of activations from the largest of their channels, y_o what the
    clamp behind the layer leaves, and g_o the squared weights that read channel o. In each region
    of channels the scales are set to where it is least while the steps stay as they are,
    s = (beta / alpha)^(1/4), within bounds for the latter, a few of which are tried; scales are
    taken only if the noise falls, with all steps as they then are. Regions are visited in order,
    up to 8 times, until the sum falls by less than 0.5 %. It is best run after
    ``equalize_layers`` that counts activations in: the noise has many local minima.

    The ratios are estimates from noted statistics. Where these are missing, a region is left as
    it is, and a note says why. Bounds by channel, added constants, and noted means and stds are
    divided by s as well.

    Args:
        model: a normalized model, best after ``per_channel_caps``; it stays as it is.
        options: widths of weights and activations, and who shares a step.
        inputs: distributions of graph inputs, as far as they are known.

    Returns:
        The network; for each region that was scaled a note with the smallest and largest scale,
        and the noise around it ``before`` and ``after``.

    Source: ours. Channels that are scaled: Nagel et al., Data-Free Quantization Through Weight
    Equalization and Bias Correction (2019), section 4.1.
    """
    model = model.clone()
    scales = find_regions(model.graph)
    distributions = propagate_distributions(model, inputs).distributions
    noise = quantization_noise(model, scales, distributions, options)
    found = least_noise(scales, noise, SWEEPS, TOLERANCE)
    copies = apply_scales(model.graph, scales, found.factors)
    pairs = zip(scales.regions, found.places, strict=True)
    notes = [note for region, place in pairs for note in _notes(region, place, scales, found)]
    changed = int(np.count_nonzero(found.factors != 1))
    return Outcome(model, changed, _summary(changed, found), (*copies, *notes))


def _summary(changed: int, found: LeastNoise) -> str:
    before, after = found.totals[0], found.totals[-1]
    sweeps = len(found.totals) - 1
    if before <= 0:
        return "no noise is known"
    return (
        f"{changed} channels in {sweeps} sweeps; estimated noise {_decibels(before)} dB below "
        f"the signal, {_decibels(after)} dB after"
    )


def _decibels(ratio: float) -> str:
    return f"{-10 * log10(max(ratio, 1e-30)):.1f}"


def _notes(region: Region, place: Place | str, scales: Scales, found: LeastNoise) -> Iterator[Note]:
    """What was done to a region, or why nothing was; none where it can't be scaled anyway."""
    if not scales.free[region.scales].any():
        return
    where = describe_region(region, scales.layers)
    if isinstance(place, str):
        yield Note(where, f"left as it is: {place}", {})
        return
    factors: Reals = found.factors[place.own]
    changed = factors != 1
    if not changed.any():
        return
    alone = found.factors.copy()
    alone[place.own] = 1.0
    before, after = place.noise(alone[None])[0], place.noise(found.factors[None])[0]
    figures = {
        "channels": int(changed.sum()),
        "smallest scale": float(factors[changed].min()),
        "largest scale": float(factors[changed].max()),
        "before": float(before),
        "after": float(after),
    }
    yield Note(where, "scaled for least noise", figures)
