# SPDX-License-Identifier: Apache-2.0
"""Random inputs: what a calibration without data falls back on, and what optimizers start from."""

from collections.abc import Mapping
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.synthesis.dead_leaves import dead_leaves
from intaglio.compiler.synthesis.input_description import InputDescription

Start = Literal["normal", "uniform", "natural", "leaves"]
Reals = NDArray[np.float64]

# Of photographs, scaled to unit variance: what their channels share, and what of the variance is a
# brightness of the whole image.
_SHARED_BY_CHANNELS = 0.9
_LEVEL = 0.25
# What of the variance of leaves is a texture on them.
_TEXTURE = 0.2


def noise(
    inputs: Mapping[str, InputDescription], samples: int, seed: int, start: Start
) -> dict[str, NDArray[np.float32]]:
    """Random samples of every input, ``[samples, *shape]`` by name, clipped to its range.

    - "normal": mean + std * z with each channel's mean and std, each number on its own.
    - "uniform": over the range, each number on its own.
    - "natural": mean + std * g, with g Gaussian fields whose amplitude falls as 1 / frequency over
      the spatial axes (1/4 of their variance is a level of the whole sample) and of which channels
      share 9/10. An input without spatial axes gets normal numbers.
    - "leaves": mean + std * g, with g ``dead_leaves`` for 4/5 of the variance and a natural field
      for the rest. Layers answer to them more as to photographs than to Gaussian fields: on
      SqueezeNet, MobileNetV1 and ResNet20 with stds of 0.7 to 1.4 times the true ones.

    Args:
        inputs: what is known of each input.
        samples: how many.
        seed: equal seeds give equal samples.
        start: which kind, as ``SynthesisOptions.start``.

    Source of the spectrum: Field, Relations between the statistics of natural images and the
    response properties of cortical cells (1987); Torralba and Oliva, Statistics of natural image
    categories (2003).
    """
    generator = np.random.default_rng(seed)
    found: dict[str, NDArray[np.float32]] = {}
    for name, described in inputs.items():
        drawn = _drawn(generator, described, samples, start)
        low, high = np.float32(described.range.minimum), np.float32(described.range.maximum)
        found[name] = np.clip(drawn.astype(np.float32), low, high)
    return found


def _drawn(
    generator: np.random.Generator, described: InputDescription, samples: int, start: Start
) -> Reals:
    shape = (samples, *described.shape)
    mean, std = described.moments()
    match start:
        case "uniform":
            return generator.uniform(described.range.minimum, described.range.maximum, shape)
        case "normal":
            standard: Reals = generator.standard_normal(shape)
        case "natural":
            standard = _natural(generator, described, shape)
        case "leaves":
            standard = _leaves(generator, described, shape)
        case _:
            assert_never(start)
    drawn: Reals = mean + std * standard
    return drawn


def _natural(
    generator: np.random.Generator, described: InputDescription, shape: tuple[int, ...]
) -> Reals:
    own = generator.standard_normal(shape)
    if not described.spatial_axes or described.channel_axis is None:
        return own
    channel = described.channel_axis + 1
    common = generator.standard_normal((*shape[:channel], 1, *shape[channel + 1 :]))
    white = np.sqrt(_SHARED_BY_CHANNELS) * common + np.sqrt(1 - _SHARED_BY_CHANNELS) * own
    axes = tuple(axis + 1 for axis in described.spatial_axes)
    levels = white.mean(axis=axes, keepdims=True) * np.sqrt(np.prod([shape[a] for a in axes]))
    fields: Reals = np.sqrt(_LEVEL) * levels + np.sqrt(1 - _LEVEL) * _falling(white, axes)
    return fields


def _leaves(
    generator: np.random.Generator, described: InputDescription, shape: tuple[int, ...]
) -> Reals:
    texture = _natural(generator, described, shape)
    if not described.spatial_axes or described.channel_axis is None:
        return texture
    axis = described.channel_axis
    extents = [extent for other, extent in enumerate(described.shape) if other != axis]
    painted = dead_leaves(
        generator, shape[0], described.channels, extents, shared=_SHARED_BY_CHANNELS
    )
    surfaces = np.moveaxis(painted, 1, axis + 1)
    mixed: Reals = np.sqrt(1 - _TEXTURE) * surfaces + np.sqrt(_TEXTURE) * texture
    return mixed


def _falling(white: Reals, axes: tuple[int, ...]) -> Reals:
    """White noise with amplitudes divided by their frequency, without its mean, of unit variance.

    The variance is that over all such fields: single ones have more or less contrast.
    """
    squares = np.zeros([1] * white.ndim)
    for axis in axes:
        dims = [1] * white.ndim
        dims[axis] = white.shape[axis]
        squares = squares + np.square(np.fft.fftfreq(white.shape[axis])).reshape(dims)
    amplitudes = np.divide(1.0, np.sqrt(squares), out=np.zeros(squares.shape), where=squares > 0)
    amplitudes /= np.sqrt(np.mean(np.square(amplitudes)))
    fields: Reals = np.fft.ifftn(np.fft.fftn(white, axes=axes) * amplitudes, axes=axes).real
    return fields
