# SPDX-License-Identifier: Apache-2.0
"""How far the activations that share a scale reach, from the distributions of their channels."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.equalization.equalization_regions import Scales
from intaglio.compiler.real.roles import is_read_for_selection, quantized_values

Reals = NDArray[np.float64]

SIGMAS = 3.0


def activation_reach(model: ir.Model, scales: Scales) -> Reals:
    """For each scale the largest |x| of its channels that become codes; NaN where none is known.

    |x| reaches max(|clip(mean - 3 std, low, high)|, |clip(mean + 3 std, low, high)|).

    Args:
        model: the normalized model that the scales belong to.
        scales: of its channels.
    """
    found = np.full(scales.free.size, np.nan)
    known = propagate_distributions(model).distributions
    for value in quantized_values(model.graph):
        slots, distribution = scales.values.get(value), known.get(value.name or "")
        if slots is None or distribution is None or slots.ndim < 2 or is_read_for_selection(value):
            continue
        along = np.moveaxis(slots, 1, -1).reshape(-1, slots.shape[1])[0]
        if along.size == distribution.channels:
            np.fmax.at(found, along, _reach(distribution))
    return found


def _reach(found: ChannelDistribution) -> Reals:
    ends = [
        np.clip(found.mean + sign * SIGMAS * found.std, found.low, found.high) for sign in (-1, 1)
    ]
    reach: Reals = np.abs(ends).max(axis=0)
    return reach
