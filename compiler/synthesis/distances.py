# SPDX-License-Identifier: Apache-2.0
"""How far the statistics of a layer are from what they should be."""

from dataclasses import dataclass
from typing import Any, Literal, assert_never

import torch

from intaglio.compiler.synthesis.channel_moments import EPSILON
from intaglio.compiler.synthesis.layer_target import LayerTarget

# Of a layer's mean variance: a channel with less is all but constant, its own spread no measure.
_LEAST_SHARE = 0.01

Distance = Literal["l2", "slack", "z-score", "relative"]


@dataclass(frozen=True, slots=True, eq=False)
class TensorTarget:
    """A ``LayerTarget`` as tensors ``[C]``; the std smoothed as measured ones are."""

    value: str
    mean: torch.Tensor
    std: torch.Tensor
    slack_mean: float
    slack_std: float

    @staticmethod
    def of(target: LayerTarget, like: torch.Tensor) -> "TensorTarget":
        """With the type and on the device of ``like``."""
        mean, std = (torch.as_tensor(a).to(like) for a in (target.mean, target.std))
        smoothed = torch.sqrt(torch.square(std) + EPSILON)
        return TensorTarget(target.value, mean, smoothed, target.slack_mean, target.slack_std)


def layer_distance(
    mean: torch.Tensor, std: torch.Tensor, target: TensorTarget, distance: Distance
) -> torch.Tensor:
    """The distance of each sample, ``[N]``.

    With m, s measured and mu, sigma wanted, each a vector over the channels:

    - "l2": |m - mu|^2 + |s - sigma|^2. ZeroQ (Cai et al. 2020), equation 3.
    - "slack": |max(|m - mu| - delta, 0)|^2 + |max(|s - sigma| - gamma, 0)|^2 with the target's
      slacks delta, gamma. DSG (Qin et al. 2023), slack distribution alignment.
    - "z-score": |(m - mu) / sqrt((s + e)^2 + (sigma + e)^2)|, e = 1e-6. GZSQ (Sharma, Abraham and
      Rajendiran 2023), absolute Z-score. The spread only divides: it isn't matched itself.
    - "relative": the mean over channels of ((m - mu)^2 + (s - sigma)^2) / (sigma^2 + v / 100),
      with v the mean of sigma^2 over the channels, so that each layer counts alike, whatever it
      measures in, and each channel that isn't all but constant. Ours.

    Args:
        mean: ``[N, C]``, or ``[1, C]`` of all samples together.
        std: likewise.
        target: ``[C]``.
        distance: which.
    """
    off_mean, off_std = mean - target.mean, std - target.std
    match distance:
        case "l2":
            return _squares(off_mean) + _squares(off_std)
        case "slack":
            return _squares(torch.relu(off_mean.abs() - target.slack_mean)) + _squares(
                torch.relu(off_std.abs() - target.slack_std)
            )
        case "z-score":
            spread = torch.square(std + EPSILON) + torch.square(target.std + EPSILON)
            return _norms(off_mean / torch.sqrt(spread))
        case "relative":
            spread = torch.square(target.std)
            scale = torch.sqrt(spread + _LEAST_SHARE * spread.mean())
            return (_squares(off_mean / scale) + _squares(off_std / scale)) / scale.numel()
        case _:
            assert_never(distance)


def _norms(vectors: torch.Tensor) -> torch.Tensor:
    """Whose gradient at zero is zero; that of a square root of squares is NaN there."""
    algebra: Any = torch.linalg  # its functions have no types
    norms: torch.Tensor = algebra.vector_norm(vectors, dim=1)
    return norms


def _squares(vectors: torch.Tensor) -> torch.Tensor:
    return torch.square(vectors).sum(1)
