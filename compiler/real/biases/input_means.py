# SPDX-License-Identifier: Apache-2.0
"""The mean of a layer's input, from what BatchNorm says of the layer's output."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.statistics import ChannelStatistics

# A channel whose spread is next to nothing is not trusted beyond this share of the layer's.
_LEAST_SPREAD = 0.01
# Photographs leave 0.001 to 0.01; spectra, whose mean differs from place to place, 0.13.
_LARGEST_RESIDUAL = 0.05


@dataclass(frozen=True, slots=True)
class InputMean:
    """E[x] of each input channel of a layer.

    Attributes:
        mean: ``[C]``.
        residual: how far W E[x] + b is from the noted mean, root mean square over the channels in
            their standard deviations.
    """

    mean: Reals
    residual: float


def solve_input_mean(
    taps: Reals, bias: Reals, groups: int, noted: ChannelStatistics
) -> InputMean | str:
    """The input mean that explains the noted means of the output, or why none does.

    Least squares of (taps E[x] + bias - mean) / std, each group by itself. It needs twice as many
    outputs as inputs, so that a residual tells whether the answer can be trusted: it is refused
    above a twentieth of a standard deviation. The mean is taken for the same at all positions.

    Args:
        taps: ``[M, C / groups]``, the weights summed over the kernel.
        bias: ``[M]``.
        groups: of the layer.
        noted: mean and std of the output.

    Source: ours; BatchNorm's running mean is the mean of the layer's result in training.
    """
    outputs, inputs = taps.shape[0] // groups, taps.shape[1]
    if outputs < 2 * inputs:
        return f"{outputs} means of its result can't tell {inputs} of its input"
    weight = 1.0 / _spread(noted)
    rows = (taps * weight[:, None]).reshape(groups, outputs, inputs)
    wanted = ((np.array(noted.mean) - bias) * weight).reshape(groups, outputs)
    means: list[Reals] = []
    squares: list[float] = []
    for row, target in zip(rows, wanted, strict=True):
        solution, _, rank, _ = np.linalg.lstsq(row, target, rcond=1e-3)
        if rank < inputs:
            return "the means of its result don't tell the mean of its input"
        means.append(np.asarray(solution, np.float64))
        squares.append(float(np.mean(np.square(row @ solution - target))))
    residual = float(np.sqrt(np.mean(squares)))
    if residual > _LARGEST_RESIDUAL:
        return f"no mean of its input explains the means of its result ({residual:.2f} std off)"
    return InputMean(np.concatenate(means), residual)


def _spread(noted: ChannelStatistics) -> Reals:
    std = np.array(noted.std, np.float64)
    least = _LEAST_SPREAD * float(np.sqrt(np.mean(np.square(std))))
    spread: Reals = np.maximum(std, max(least, float(np.finfo(np.float64).tiny)))
    return spread
