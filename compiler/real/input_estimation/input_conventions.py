# SPDX-License-Identifier: Apache-2.0
"""The usual ways to turn pixels into a network's input, known again by mean and spread."""

from dataclasses import dataclass
from math import log2

import numpy as np

from intaglio.compiler.real.distributions.distributions import Reals

# How far an estimate may lie from a convention: means in stds of the convention, and the ratio of
# stds as a power of two. The nearest pair of conventions with one mean differ by a factor 2 in std.
_MEAN_OFF, _STD_OFF = 0.5, 0.6


@dataclass(frozen=True, slots=True)
class Convention:
    """How natural images look after one preprocessing.

    Attributes:
        name: for reports.
        mean: over pixels, images and channels.
        std: likewise.
        low: what black becomes (in the darkest channel).
        high: what white becomes.
    """

    name: str
    mean: float
    std: float
    low: float
    high: float


# Natural images have a mean of 0.45 and a deviation of 0.25 of full scale (ImageNet: 0.485, 0.456,
# 0.406 and 0.229, 0.224, 0.225 for R, G, B); digits on black (MNIST) 0.131 and 0.308.
_PIXELS = (
    Convention("pixels / 255", 0.45, 0.25, 0.0, 1.0),
    Convention("pixels / 255 - 0.5", -0.05, 0.25, -0.5, 0.5),
    Convention("pixels / 127.5 - 1", -0.1, 0.5, -1.0, 1.0),
    Convention("pixels from 0 to 255", 115.0, 64.0, 0.0, 255.0),
    Convention("pixels - 128", -13.0, 64.0, -128.0, 127.0),
)
_COLOURS = (
    Convention("pixels / 255, less the mean", 0.0, 0.25, -0.485, 0.594),
    Convention("ImageNet's mean and deviation", 0.0, 1.0, -2.118, 2.64),
    Convention("pixels less the mean pixel (Caffe)", 0.0, 64.0, -123.68, 151.061),
)
_GREYS = (
    Convention("pixels / 255 of digits", 0.131, 0.308, 0.0, 1.0),
    Convention("standardized pixels", 0.0, 1.0, -2.118, 2.822),
)


def nearest_convention(mean: Reals, std: Reals) -> Convention | None:
    """The convention that images of such channels follow, None if none is near.

    Args:
        mean: of each channel, one (grey) or three of them.
        std: likewise.
    """
    best: tuple[float, Convention] | None = None
    for known in (*_PIXELS, *(_GREYS if mean.size == 1 else _COLOURS)):
        spread = float(np.sqrt(np.mean(np.square(std))))
        apart = float(np.abs(mean - known.mean).mean()) / known.std
        ratio = abs(log2(max(spread, 1e-30) / known.std))
        if apart > _MEAN_OFF or ratio > _STD_OFF:
            continue
        if best is None or apart + ratio < best[0]:
            best = apart + ratio, known
    return None if best is None else best[1]
