# SPDX-License-Identifier: Apache-2.0
"""Inputs in units of their own spread, which is what an optimizer moves."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.input_description import InputDescription


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """x = mean + std * z, between the ends of the input's range.

    Attributes:
        mean: shaped to go with a sample, as all of them.
        std: above zero.
        low: the least z.
        high: the greatest z.
        axes: spatial ones, of a tensor ``[N, ...]``.
        channel_axis: likewise; None where a sample is a single number.
    """

    mean: torch.Tensor
    std: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    axes: tuple[int, ...]
    channel_axis: int | None

    @staticmethod
    def of(described: InputDescription, like: torch.Tensor) -> "Coordinates":
        """For an input, with the type and on the device of ``like``."""
        mean, std = described.moments()
        low, high = described.range.minimum, described.range.maximum
        constant = max(high - low, float(np.finfo(np.float32).tiny)) / 4
        std = np.where(std > 0, std, constant)
        ends = (low - mean) / std, (high - mean) / std
        first, scale, least, most = (torch.as_tensor(a).to(like) for a in (mean, std, *ends))
        channel = described.channel_axis
        axes = tuple(axis + 1 for axis in described.spatial_axes)
        return Coordinates(
            first, scale, least, most, axes, None if channel is None else channel + 1
        )

    def inputs(self, z: torch.Tensor) -> torch.Tensor:
        """The input that z stands for."""
        return self.mean + self.std * z

    def of_inputs(self, samples: NDArray[np.float32]) -> torch.Tensor:
        """The z of inputs."""
        given = torch.as_tensor(samples).to(self.mean)
        return self.within((given - self.mean) / self.std)

    def within(self, z: torch.Tensor) -> torch.Tensor:
        """The nearest z in range."""
        return torch.maximum(torch.minimum(z, self.high), self.low)
