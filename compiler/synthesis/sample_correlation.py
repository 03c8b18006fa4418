# SPDX-License-Identifier: Apache-2.0
"""DSG's sample correlation inhibition: samples shall be no more alike than random ones."""

from typing import Any

import torch

Pair = tuple[torch.Tensor, torch.Tensor]

_MAGNITUDE = 1e-4
# Where eigenvalues lie closer than this, their eigenvectors turn less than they truly would.
_LEAST_GAP = 1e-4


def correlation_spectrum(samples: torch.Tensor) -> Pair:
    """Eigenvalues, ascending, and eigenvectors of the samples' correlations.

    Args:
        samples: ``[N, ...]``.

    Returns:
        float64 ``[N]`` and ``[N, N]``, a column an eigenvector whose largest component is positive.
    """
    directions = torch.nn.functional.normalize(samples.flatten(1), dim=1)
    # The last bits of a product depend on the number of threads; rounding leaves them out.
    exact = directions.double()
    correlations = (exact @ exact.T).to(samples.dtype).double()
    function: Any = _Spectrum  # whose ``apply`` has no types
    values, vectors = function.apply(correlations)
    return values, vectors


def correlation_loss(samples: torch.Tensor, independent: torch.Tensor) -> torch.Tensor:
    """How far the correlations of samples are from those of independent ones.

    With eigenvalues and vectors (l, v) of the samples' matrix of correlations and (g, u) of as many
    independent ones: 1e-4 * mean((l - g)^2) + |sum_k g'_k * <v_k, u_k>|, with g' the eigenvalues
    g scaled to 0 to 1. The sign of an eigenvector means nothing: its largest component is positive.

    The first term alone tells how alike samples are: it is zero for independent ones, and about
    1e-4 * N for equal ones. The second asks only that eigenvectors have nothing to do with random
    ones; of independent samples it is about a half.

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
    return (magnitude + structure).to(samples.dtype)


class _Spectrum(torch.autograd.Function):
    """``eigh`` with signs, and with a gradient that stays finite where eigenvalues are equal.

    d v_k = sum_j v_j <v_j, dS v_k> / (l_k - l_j), with 1 / gap broadened to gap / (gap^2 + e^2).
    """

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor) -> Pair:
        algebra: Any = torch.linalg  # its functions have no types
        values, vectors = algebra.eigh(matrix)
        largest = vectors.abs().argmax(0)
        signs = torch.sign(vectors[largest, torch.arange(len(vectors), device=vectors.device)])
        signed = vectors * signs
        ctx.save_for_backward(values, signed)
        return values, signed

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        of_values, of_vectors = gradients
        values, vectors = ctx.saved_tensors
        gaps = values[None, :] - values[:, None]
        turns = gaps / (torch.square(gaps) + _LEAST_GAP**2)
        inner = torch.diag(of_values) + turns * (vectors.T @ of_vectors)
        gradient: torch.Tensor = vectors @ inner @ vectors.T
        return (gradient + gradient.T) / 2
