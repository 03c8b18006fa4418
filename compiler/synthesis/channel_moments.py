# SPDX-License-Identifier: Apache-2.0
"""Mean and standard deviation of channels, with gradients."""

import torch

from intaglio.compiler.synthesis.mean_and_variance import mean_and_variance

# Keeps the gradient of the square root finite where a channel is constant (ZeroQ's code).
EPSILON = 1e-6


def channel_moments(value: torch.Tensor, per_sample: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and sqrt(variance + 1e-6) of each channel.

    Args:
        value: ``[N, C, ...]``.
        per_sample: over the positions of each sample, else over samples and positions. A value
            without positions, or with one alone as after a global pool, has no spread within a
            sample, so it is always taken over samples.

    Returns:
        Two tensors ``[N, C]``, or ``[1, C]`` where samples are taken together.
    """
    axes = list(range(2, value.dim()))
    if not per_sample or value[:1, :1].numel() <= 1:
        axes = [0, *axes]
    mean, variance = mean_and_variance(value, axes)
    rows = value.shape[0] if 0 not in axes else 1
    return mean.reshape(rows, -1), torch.sqrt(variance + EPSILON).reshape(rows, -1)
