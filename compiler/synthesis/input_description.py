# SPDX-License-Identifier: Apache-2.0
"""What is known of an input of a network, as far as synthetic data has to keep to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.ranges.ranges import Range

_MOST_COLOURS = 4


@dataclass(frozen=True, slots=True, eq=False)
class InputDescription:
    """One input.

    Attributes:
        shape: of one sample, without the batch.
        range: that no value leaves.
        distribution: of its channels; one that has another number of channels than the input is
            taken for all of them alike.
    """

    shape: tuple[int, ...]
    range: Range
    distribution: ChannelDistribution

    @property
    def channel_axis(self) -> int | None:
        """Which axis of a sample holds channels; None for a single number.

        It is the first one, but the last one where that is the shorter and could hold colours.
        """
        if not self.shape:
            return None
        last = len(self.shape) - 1
        images = len(self.shape) > 2 and self.shape[last] < self.shape[0]
        return last if images and self.shape[last] <= _MOST_COLOURS else 0

    @property
    def channels(self) -> int:
        """How many there are."""
        return 1 if self.channel_axis is None else self.shape[self.channel_axis]

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The other axes of a sample that are longer than one."""
        axes = enumerate(self.shape)
        return tuple(axis for axis, extent in axes if axis != self.channel_axis and extent > 1)

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each channel, shaped to go with a sample."""
        mean, variance = self.distribution.moments()
        if mean.size != self.channels:
            spread = float(np.mean(variance) + np.var(mean))
            mean, variance = (np.full(self.channels, each) for each in (np.mean(mean), spread))
        dims = [1] * len(self.shape)
        if self.channel_axis is not None:
            dims[self.channel_axis] = self.channels
        return mean.reshape(dims), np.sqrt(variance).reshape(dims)
