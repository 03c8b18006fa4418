# SPDX-License-Identifier: Apache-2.0
"""How much each layer counts for each sample."""

from typing import Literal, assert_never

import torch

Weighting = Literal["uniform", "layerwise"]


def weighted(distances: torch.Tensor, weighting: Weighting, first: int) -> torch.Tensor:
    """The loss of each sample, ``[N]``: the sum over layers, as ZeroQ and DSG have it.

    "layerwise" is DSG's layerwise sample enhancement, L = 1/N 1^T (X L_SDA) with X = I + 1 1^T
    (Qin et al. 2023): sample k counts layer k, modulo their number, once more. The mean over
    samples, 1/N 1^T, is the caller's.

    Args:
        distances: ``[layers, N]``.
        weighting: which.
        first: the number of the first sample.
    """
    layers, samples = distances.shape
    match weighting:
        case "uniform":
            return distances.sum(0)
        case "layerwise":
            number = torch.arange(samples, device=distances.device)
            return distances.sum(0) + distances[(first + number) % layers, number]
        case _:
            assert_never(weighting)
