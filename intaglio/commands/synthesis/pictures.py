# SPDX-License-Identifier: Apache-2.0
"""Samples of an input as small pictures: colours, greys, or a heat map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intaglio.commands.data.preprocessing_rules import Channels, Preprocessing
from intaglio.compiler.real.ranges.ranges import Range

Reals = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_SMALLEST, _LARGEST = 128, 512  # sides of a picture in pixels
_MOST_COLOURS = 4
# From low to high, about as bright as they stand for: dark violet, blue, teal, green, yellow.
_HEAT = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])


@dataclass(frozen=True, slots=True)
class Viewing:
    """How numbers become pixels.

    Attributes:
        range: what black and white stand for, where no preprocessing says it.
        preprocessing: that made the inputs of images; it is undone, so that colours are true.
    """

    range: Range
    preprocessing: Preprocessing | None = None


def pictures(samples: NDArray[np.float32], viewing: Viewing) -> list[Image.Image] | None:
    """A picture for each sample ``[n, ...]``, all of one size; None where none makes sense.

    Of a sample's shape without the batch:

    - ``[1, H, W]``, ``[H, W, 1]``: grey; ``[3, H, W]``, ``[H, W, 3]``: colours, in the order that
      the preprocessing states, else red, green, blue.
    - ``[C, H, W]`` with other channels: a heat map with the channels side by side.
    - ``[H, W]``: a heat map.
    - Vectors and volumes: nothing.

    Small ones are magnified by a whole number, large ones averaged down.
    """
    planes = _planes(samples)
    if planes is None:
        return None
    colours = samples.ndim == 4 and planes.shape[-1] in (1, 3)
    # One at a time: large samples take memory in float64.
    return [_resized(_picture(one.astype(np.float64), viewing, colours)) for one in planes]


def _picture(planes: Reals, viewing: Viewing, colours: bool) -> Image.Image:
    """Of one sample ``[H, W, C]``."""
    if colours:
        return _grey_or_colours(_as_pixels(planes, viewing))
    return _heat_map(planes, viewing.range)


def _planes(samples: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """``[n, H, W, C]``, None where two of H and W aren't longer than one."""
    if samples.ndim == 3:
        found = samples[..., None]
    elif samples.ndim != 4:
        return None
    elif samples.shape[3] < samples.shape[1] and samples.shape[3] <= _MOST_COLOURS:
        found = samples
    else:
        found = samples.transpose(0, 2, 3, 1)
    return None if min(found.shape[1:3]) < 2 else found


def _as_pixels(planes: Reals, viewing: Viewing) -> Bytes:
    """Numbers 0 to 255; what lies outside the range is black or white."""
    rules = viewing.preprocessing
    if rules is not None and all(len(each) in (1, planes.shape[-1]) for each in _by_channel(rules)):
        mean, std = (np.array(each) for each in _by_channel(rules))
        scaled = (planes * std + mean) * rules.divisor
        if rules.geometry.channels is Channels.BGR:
            scaled = scaled[..., ::-1]
    else:
        scaled = 255 * _share(planes, viewing.range)
    pixels: Bytes = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return pixels


def _by_channel(rules: Preprocessing) -> Sequence[tuple[float, ...]]:
    return rules.mean, rules.std


def _share(values: Reals, range: Range) -> Reals:
    """Where values lie in the range, 0 to 1."""
    span = range.maximum - range.minimum
    return np.clip((values - range.minimum) / (span if span > 0 else 1.0), 0.0, 1.0)


def _grey_or_colours(pixels: Bytes) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")


def _heat_map(planes: Reals, range: Range) -> Image.Image:
    """``[H, W, C]`` with the channels side by side."""
    beside = np.concatenate(list(np.moveaxis(planes, 2, 0)), axis=1)
    shares = _share(beside, range)
    stops = np.linspace(0.0, 1.0, len(_HEAT))
    colours = [np.interp(shares, stops, _HEAT[:, colour]) for colour in (0, 1, 2)]
    return Image.fromarray(np.rint(np.stack(colours, axis=-1)).astype(np.uint8))


def _resized(image: Image.Image) -> Image.Image:
    width, height = image.size
    factor = max(1, _SMALLEST // max(width, height))
    if factor > 1:
        return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    target = min(width, _LARGEST), min(height, _LARGEST)
    return image if target == image.size else image.resize(target, Image.Resampling.BOX)
