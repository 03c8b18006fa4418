# SPDX-License-Identifier: Apache-2.0
"""Distributions that may differ along any axis of a value, and how they move with its elements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distribution_arithmetic import constants, mixture
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ShapedDistribution:
    """The distribution of each element of a value.

    Attributes:
        flat: one channel for each element of ``shape``, in C order.
        shape: of the value's rank, 1 along axes where the distribution doesn't differ.
    """

    flat: ChannelDistribution
    shape: tuple[int, ...]

    @staticmethod
    def along(flat: ChannelDistribution, axis: int, rank: int) -> "ShapedDistribution":
        """One that differs along one axis only."""
        shape = tuple(flat.channels if i == axis else 1 for i in range(rank))
        return ShapedDistribution(flat, shape)

    @staticmethod
    def constant(array: NDArray[Any], rank: int) -> "ShapedDistribution":
        """A stored array, seen with ``rank`` axes."""
        padded = array.astype(np.float64).reshape((1,) * (rank - array.ndim) + array.shape)
        return ShapedDistribution(constants(padded.ravel()), padded.shape)

    def moved(self, move: Callable[[Indices], Indices]) -> "ShapedDistribution":
        """After elements have been moved, chosen or repeated by ``move``."""
        indices = move(np.arange(self.flat.channels).reshape(self.shape))
        flat = self.flat
        chosen = (array[indices.ravel()] for array in (flat.mean, flat.std, flat.low, flat.high))
        return ShapedDistribution(ChannelDistribution(*chosen), indices.shape)

    def expanded(self, dims: Sequence[int]) -> "ShapedDistribution":
        """Repeated to these dims."""
        return self.moved(lambda indices: np.broadcast_to(indices, dims))

    def squeezed(self) -> "ShapedDistribution":
        """With extent 1 along each axis where nothing differs."""
        fields = np.stack([self.flat.mean, self.flat.std, self.flat.low, self.flat.high])
        fields = fields.reshape(4, *self.shape)
        first: list[slice] = []
        for axis in range(len(self.shape)):
            differs = (fields != fields.take([0], axis=axis + 1)).any()
            first.append(slice(None) if differs else slice(0, 1))
        return self.moved(lambda indices: indices[tuple(first)])

    def mixed_over(self, axes: Sequence[int]) -> "ShapedDistribution":
        """Elements along ``axes`` thrown together; those axes keep extent 1."""
        rest = [axis for axis in range(len(self.shape)) if axis not in axes]
        rows = self.moved(lambda indices: np.transpose(indices, [*rest, *axes]))
        count = int(np.prod([self.shape[axis] for axis in axes], dtype=int))
        flat = mixture(rows.flat, (self.flat.channels // count, count))
        shape = tuple(1 if axis in axes else dim for axis, dim in enumerate(self.shape))
        return ShapedDistribution(flat, shape)

    def channels(self, axis: int, extent: int) -> ChannelDistribution:
        """Along one axis of this extent, all other axes thrown together."""
        others = [other for other in range(len(self.shape)) if other != axis]
        flat = self.mixed_over(others).flat
        row = ShapedDistribution(flat, (flat.channels,))
        return row.expanded((extent,)).flat


# What a rule yields: the distribution of each output, or why it knows none.
Ruled = list[ShapedDistribution] | str


def together(
    combine: Callable[[ChannelDistribution, ChannelDistribution], ChannelDistribution],
    first: ShapedDistribution,
    second: ShapedDistribution,
) -> ShapedDistribution:
    """An elementwise operation of two values, broadcast as ONNX broadcasts."""
    rank = max(len(first.shape), len(second.shape))
    first, second = (_of_rank(operand, rank) for operand in (first, second))
    dims = np.broadcast_shapes(first.shape, second.shape)
    return ShapedDistribution(combine(first.expanded(dims).flat, second.expanded(dims).flat), dims)


def concatenated(parts: Sequence[ShapedDistribution], axis: int) -> ShapedDistribution:
    """Parts that have their true extent along ``axis``."""
    rank = len(parts[0].shape)
    most = [max(part.shape[i] for part in parts) for i in range(rank)]
    full = [
        part.expanded([part.shape[i] if i == axis else most[i] for i in range(rank)])
        for part in parts
    ]

    def joined(pick: Callable[[ChannelDistribution], Reals]) -> Reals:
        arrays = [pick(part.flat).reshape(part.shape) for part in full]
        return np.concatenate(arrays, axis=axis).ravel()

    flat = ChannelDistribution(
        joined(lambda flat: flat.mean),
        joined(lambda flat: flat.std),
        joined(lambda flat: flat.low),
        joined(lambda flat: flat.high),
    )
    most[axis] = sum(part.shape[axis] for part in full)
    return ShapedDistribution(flat, tuple(most))


def _of_rank(operand: ShapedDistribution, rank: int) -> ShapedDistribution:
    lead = (1,) * (rank - len(operand.shape))
    return ShapedDistribution(operand.flat, lead + operand.shape)
