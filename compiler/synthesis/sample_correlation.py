# SPDX-License-Identifier: Apache-2.0
"""DSG's sample correlation inhibition: samples shall be no more alike than random ones."""

from typing import Any, cast

import torch

Pair = tuple[torch.Tensor, torch.Tensor]

_MAGNITUDE = 1e-4


def correlation_spectrum(samples: torch.Tensor) -> Pair:
    """Eigenvalues, ascending, and eigenvectors of the samples' correlations.

    Args:
        samples: ``[N, ...]``.

    Returns:
        ``[N]`` and ``[N, N]``, a column an eigenvector whose largest component is positive.
    """
    directions = torch.nn.functional.normalize(samples.flatten(1), dim=1)
    algebra: Any = torch.linalg  # its functions have no types
    values, vectors = cast(Pair, tuple(algebra.eigh(directions @ directions.T)))
    largest = vectors.abs().argmax(0)
    sign = torch.sign(vectors[largest, torch.arange(len(vectors), device=vectors.device)])
    return values, vectors * sign


def correlation_loss(samples: torch.Tensor, independent: torch.Tensor) -> torch.Tensor:
    """How much more alike samples are than independent ones.

    With eigenvalues and vectors (l, v) of the samples' matrix of correlations and (g, u) of as many
    independent ones: 1e-4 * mean((l - g)^2) + |sum_k g'_k * <v_k, u_k>|, with g' the eigenvalues
    g scaled to 0 to 1. The sign of an eigenvector means nothing: its largest component is positive.

    Source: DSG (Qin et al. 2023), sample correlation inhibition, in the form of their code.

    Args:
        samples: ``[N, ...]``, at least two.
        independent: the same number of Gaussian samples.
    """
    values, vectors = correlation_spectrum(samples)
    with torch.no_grad():
        wanted, axes = correlation_spectrum(independent)
        span = (wanted[-1] - wanted[0]).clamp_min(torch.finfo(wanted.dtype).tiny)
        shares = (wanted - wanted[0]) / span
    magnitude = _MAGNITUDE * torch.square(values - wanted).mean()
    structure = (shares * -(vectors * axes).sum(0)).sum().abs()
    return magnitude + structure
