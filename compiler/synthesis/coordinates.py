# SPDX-License-Identifier: Apache-2.0
"""Inputs in units of their own spread, which is what an optimizer moves."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.input_description import InputDescription

# A channel that hardly moves may move over the range: of that, and in float32 at all.
_LEAST_SHARE = 1e-6
_LEAST = 1e-30


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """x = mean + std * z, between the ends of the input's range.

    Attributes:
        mean: shaped to go with a sample, as all of them.
        std: above zero.
        low: the least z.
        high: the greatest z.
        ends: of the range, as an input's type holds them.
        axes: spatial ones, of a tensor ``[N, ...]``.
        channel_axis: likewise; None where a sample is a single number.
    """

    mean: torch.Tensor
    std: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    ends: tuple[np.float32, np.float32]
    axes: tuple[int, ...]
    channel_axis: int | None

    @staticmethod
    def of(described: InputDescription, like: torch.Tensor) -> "Coordinates":
        """For an input, with the type and on the device of ``like``."""
        mean, std = described.moments()
        low, high = described.range.minimum, described.range.maximum
        mean, span = np.clip(mean, low, high), high - low
        std = np.where(std > max(_LEAST_SHARE * span, _LEAST), std, max(span / 4, _LEAST))
        arrays = mean, std, (low - mean) / std, (high - mean) / std
        first, scale, least, most = (torch.as_tensor(array).to(like) for array in arrays)
        channel = described.channel_axis
        axes = tuple(axis + 1 for axis in described.spatial_axes)
        ends = np.float32(low), np.float32(high)
        return Coordinates(
            first, scale, least, most, ends, axes, None if channel is None else channel + 1
        )

    def inputs(self, z: torch.Tensor) -> torch.Tensor:
        """The input that z stands for."""
        return self.mean + self.std * z

    def samples(self, z: torch.Tensor) -> NDArray[np.float32]:
        """The input that z stands for, nowhere beyond the range by rounding."""
        array: NDArray[np.float32] = self.inputs(z.detach()).to("cpu", torch.float32).numpy()
        return array.clip(*self.ends)

    def of_inputs(self, samples: NDArray[np.float32]) -> torch.Tensor:
        """The z of inputs."""
        given = torch.as_tensor(samples).to(self.mean)
        return self.within((given - self.mean) / self.std)

    def within(self, z: torch.Tensor) -> torch.Tensor:
        """The nearest z in range."""
        return torch.maximum(torch.minimum(z, self.high), self.low)
