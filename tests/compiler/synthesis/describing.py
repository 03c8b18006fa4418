# SPDX-License-Identifier: Apache-2.0
"""Inputs as tests describe them."""

import numpy as np

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.synthesis.input_description import InputDescription


def described(
    *shape: int,
    low: float = -100.0,
    high: float = 100.0,
    mean: float | list[float] = 0.0,
    std: float | list[float] = 1.0,
) -> InputDescription:
    """An input of samples of this shape."""
    means, stds = np.atleast_1d(np.array(mean)), np.atleast_1d(np.array(std))
    return InputDescription(shape, Range(low, high), ChannelDistribution.normal(means, stds))
