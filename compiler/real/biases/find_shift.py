# SPDX-License-Identifier: Apache-2.0
"""The shift of a layer's result that brings its mean, behind a clamp, where it should be."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult

STEPS = 4
# A channel that is hardly ever within its clamp isn't moved as far as its slope says.
_LEAST_WITHIN = 0.02


Clamp = tuple[Reals, Reals]
"""Where a clamp begins and ends, each ``[M]``; infinite without one."""


@dataclass(frozen=True, slots=True)
class MeanMatching:
    """Which means are made equal.

    Attributes:
        behind_clamps: those of what leaves the clamp behind a layer, instead of what enters it.
        shrink: draw the mean error of M channels over N samples towards zero, by the factor
            max(0, 1 - (M - 2) / sum over m of (mean error[m] / its standard error)^2).
            That takes as much of it for chance as errors that differ so much from sample to
            sample suggest.

    Source: the factor is that of James and Stein, Estimation with quadratic loss (1961), its
    positive part.
    """

    behind_clamps: bool = True
    shrink: bool = True


MATCHING = MeanMatching()


def clamped_means(result: LayerResult, clamp: Clamp, matching: MeanMatching = MATCHING) -> Reals:
    """``[N, M]``, the means over positions behind the clamp, if there is one that matters."""
    if not _clamps(clamp, matching):
        return result.means()
    return result.clamped(np.zeros(len(clamp[0])), *clamp)[0]


def find_shift(
    result: LayerResult, wanted: Reals, clamp: Clamp, matching: MeanMatching = MATCHING
) -> Reals:
    """The shift s ``[M]`` with mean of clip(y + s, low, high) = mean of ``wanted``.

    By Newton's method, whose slope is the share of y + s within the clamp; each channel keeps the
    best of a few steps. Without a clamp, s is the difference of the means.

    Args:
        result: y, of a quantized layer.
        wanted: ``[N, M]``, the ``clamped_means`` of the float layer.
        clamp: what follows.
        matching: as above.
    """
    if not _clamps(clamp, matching):
        return -mean_error(result.means() - wanted, shrink=matching.shrink)
    shift = np.zeros(wanted.shape[1])
    means, within = result.clamped(shift, *clamp)
    off = mean_error(means - wanted, shrink=matching.shrink)
    target = means.mean(axis=0) - off
    best, least = shift, np.abs(off)
    for _ in range(STEPS):
        shift = shift - off / np.maximum(within, _LEAST_WITHIN)
        means, within = result.clamped(shift, *clamp)
        off = means.mean(axis=0) - target
        better = np.abs(off) < least
        best, least = np.where(better, shift, best), np.minimum(np.abs(off), least)
    return best


def _clamps(clamp: Clamp, matching: MeanMatching) -> bool:
    return matching.behind_clamps and bool(np.isfinite(clamp).any())


def mean_error(errors: Reals, *, shrink: bool) -> Reals:
    """The mean ``[M]`` of errors ``[N, M]``, drawn towards zero as far as it may be chance."""
    mean: Reals = errors.mean(axis=0)
    if not shrink or len(errors) < 2:
        return mean
    variance = errors.var(axis=0, ddof=1) / len(errors)
    uncertain = variance > 0
    known = int(uncertain.sum())
    total = float(np.sum(np.square(mean[uncertain]) / variance[uncertain]))
    if known < 3 or total == 0.0:
        return mean
    factor = max(0.0, 1.0 - (known - 2) / total)
    return np.where(uncertain, factor * mean, mean)
