# SPDX-License-Identifier: Apache-2.0
"""The clipped normal distribution of each channel of a value, and what can be said of it."""

from dataclasses import dataclass, replace
from math import erfc
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

# Normal quantiles at the middles of this many equally likely parts stand for a distribution.
QUANTILES = 512


@dataclass(frozen=True, slots=True, eq=False)
class ChannelDistribution:
    """x = clip(mean + std * z, low, high) for each channel, z being standard normal.

    Attributes:
        mean: ``[C]``, of the normal distribution before it is clipped.
        std: ``[C]``, likewise; zero where a channel is constant.
        low: ``[C]``, where the channel ends below; -inf where it doesn't.
        high: ``[C]``, where it ends above; inf where it doesn't.
    """

    mean: Reals
    std: Reals
    low: Reals
    high: Reals

    @staticmethod
    def normal(mean: Reals, std: Reals) -> "ChannelDistribution":
        """Without any end."""
        endless = np.full(mean.shape, np.inf)
        return ChannelDistribution(mean, std, -endless, endless)

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self.mean.size)

    def clipped(self, low: Reals | float, high: Reals | float) -> "ChannelDistribution":
        """After a clamp: both ends brought into [low, high]."""
        ends = (np.clip(end, low, high) for end in (self.low, self.high))
        return replace(self, low=next(ends), high=next(ends))

    def moments(self) -> tuple[Reals, Reals]:
        """Mean and variance of the clipped channel, each ``[C]``.

        With a = (low - mean) / std, b = (high - mean) / std, P the normal distribution function
        and p its density:

        E[x]  = low P(a) + high (1 - P(b)) + mean (P(b) - P(a)) + std (p(a) - p(b))
        E[x2] = low^2 P(a) + high^2 (1 - P(b)) + (mean^2 + std^2) (P(b) - P(a))
                + std ((mean + low) p(a) - (mean + high) p(b))

        Source: moments of the censored normal distribution; DFQ (Nagel et al. 2019), appendix C,
        for the case low = 0, high = inf.
        """
        std = np.maximum(self.std, np.finfo(np.float64).tiny)
        with np.errstate(over="ignore", invalid="ignore"):
            a, b = (self.low - self.mean) / std, (self.high - self.mean) / std
        below, above = _distribution(a), _distribution(-b)
        inside = 1.0 - below - above
        at_a, at_b = _density(a), _density(b)
        low = np.where(np.isfinite(self.low), self.low, 0.0)
        high = np.where(np.isfinite(self.high), self.high, 0.0)
        mean = low * below + high * above + self.mean * inside + self.std * (at_a - at_b)
        square = low**2 * below + high**2 * above + (self.mean**2 + self.std**2) * inside
        square += self.std * ((self.mean + low) * at_a - (self.mean + high) * at_b)
        # Rounding may leave a constant channel a hair outside its ends or below zero variance.
        return np.clip(mean, self.low, self.high), np.maximum(square - mean**2, 0.0)

    def inside(self) -> Reals:
        """``[C]``: the probability that a channel is at neither end, where errors pass."""
        std = np.maximum(self.std, np.finfo(np.float64).tiny)
        with np.errstate(over="ignore", invalid="ignore"):
            a, b = (self.low - self.mean) / std, (self.high - self.mean) / std
        return np.clip(1.0 - _distribution(a) - _distribution(-b), 0.0, 1.0)

    def samples(self) -> Reals:
        """``[C, QUANTILES]``: x at equally likely quantiles of the normal distribution."""
        z = normal_quantiles(QUANTILES)
        drawn = self.mean[:, None] + self.std[:, None] * z
        return np.clip(drawn, self.low[:, None], self.high[:, None])


def normal_quantiles(count: int) -> Reals:
    """Where the normal distribution function is (i + 1/2) / count, for i from 0."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((i + 0.5) / count) for i in range(count)])


def _density(x: Reals) -> Reals:
    with np.errstate(over="ignore"):
        density: Reals = np.exp(-0.5 * np.square(x)) / np.sqrt(2 * np.pi)
    return density


def _distribution(x: Reals) -> Reals:
    """The normal distribution function, accurate in the lower tail."""
    flat = [0.5 * erfc(-value / np.sqrt(2)) for value in np.ravel(x).tolist()]
    return np.array(flat).reshape(x.shape)
