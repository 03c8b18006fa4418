# SPDX-License-Identifier: Apache-2.0
"""Random images of things in front of each other, with the edges and scales of photographs."""

from collections.abc import Sequence
from math import ceil, gamma, pi, prod

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

_SMALLEST_RADIUS = 4.0  # or this share of the extent, which makes for 400 leaves in an image
_SMALLEST_SHARE = 1 / 56
_COVERS = 3  # how often all leaves would cover the sample; e^-3 of it is seen between them


def dead_leaves(
    generator: np.random.Generator,
    samples: int,
    channels: int,
    extents: Sequence[int],
    shared: float,
) -> Reals:
    """Discs of one colour each that fall on top of each other, ``[samples, channels, *extents]``.

    Radii r have a density that falls as r^-3, from a few pixels to half the longest extent, which
    makes the image look alike at every scale; centres are anywhere. In one dimension discs are
    intervals, in three balls. Each colour is standard normal, so each number is too; what sets
    these images apart from Gaussian fields of their spectrum are edges and surfaces.

    Source: Lee, Mumford and Huang, Occlusion models for natural images (2001); Baradad et al.,
    Learning to see by looking at noise (2021), for what networks make of them.

    Args:
        generator: of all randomness.
        samples: how many.
        channels: how many each sample has.
        extents: of the axes that discs lie in.
        shared: how much of the variance of colours the channels share.
    """
    found = np.empty((samples, channels, *extents))
    leaves = _count(extents)
    for sample in found:
        radii = _radii(generator.random(leaves), extents)
        centres = generator.random((leaves, len(extents))) * extents
        common = generator.standard_normal((leaves + 1, 1))
        own = generator.standard_normal((leaves + 1, channels))
        colours = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
        sample[:] = colours[-1].reshape(channels, *[1] * len(extents))
        for radius, centre, colour in zip(radii, centres, colours, strict=False):
            _paint(sample, radius, centre, colour)
    return found


def _radii(share: Reals, extents: Sequence[int]) -> Reals:
    """The radii that this share of all leaves is below."""
    largest = max(extents) / 2
    smallest = min(max(_SMALLEST_RADIUS, _SMALLEST_SHARE * max(extents)), largest / 2)
    radii: Reals = (smallest**-2 + (largest**-2 - smallest**-2) * share) ** -0.5
    return radii


def _count(extents: Sequence[int]) -> int:
    """How many leaves cover a sample."""
    dimensions = sum(extent > 1 for extent in extents)
    unit_ball = pi ** (dimensions / 2) / gamma(dimensions / 2 + 1)
    volumes = unit_ball * _radii((np.arange(1000) + 0.5) / 1000, extents) ** dimensions
    return ceil(_COVERS * prod(extents) / float(volumes.mean()))


def _paint(sample: Reals, radius: float, centre: Reals, colour: Reals) -> None:
    """Lay one disc on ``[channels, *extents]``, in place."""
    box = tuple(
        slice(max(int(np.ceil(middle - radius)), 0), min(int(middle + radius) + 1, extent))
        for middle, extent in zip(centre.tolist(), sample.shape[1:], strict=True)
    )
    offsets = np.ogrid[box]
    squares = sum(np.square(o - middle) for o, middle in zip(offsets, centre, strict=True))
    sample[(slice(None), *box)][:, squares <= radius**2] = colour[:, None]
