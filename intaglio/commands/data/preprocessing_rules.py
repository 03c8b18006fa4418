# SPDX-License-Identifier: Apache-2.0
"""From stored pixels to a model's input: what a preprocessing file says, and its arithmetic.

In order: convert the colours, resize, crop, then on every element, in float32 with one rounding
for each operation,

    y = (x / divisor - mean[c]) / std[c]

which is what torchvision's ToTensor and Normalize compute for a divisor of 255.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data.samples import InputSpec, shape_text
from intaglio.errors import InvalidData


class Channels(Enum):
    """The channels of a sample and their order."""

    RGB = "RGB"
    BGR = "BGR"
    GRAY = "L"
    AS_STORED = "as-stored"
    """No colour conversion: arrays that are no images, such as spectra."""


class Layout(Enum):
    """Where the channels stand in the model's input."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class Interpolation(Enum):
    """Pillow's resampling filters; all but ``nearest`` widen their support when shrinking."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


@dataclass(frozen=True, slots=True)
class ResizeShortSide:
    """Scale so that the short side has ``pixels``; the long side is rounded down."""

    pixels: int
    interpolation: Interpolation = Interpolation.BILINEAR

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width after resizing."""
        if height <= width:
            return self.pixels, self.pixels * width // height
        return self.pixels * height // width, self.pixels


@dataclass(frozen=True, slots=True)
class ResizeExact:
    """Scale to this height and width whatever the proportions were."""

    height: int
    width: int
    interpolation: Interpolation = Interpolation.BILINEAR

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width after resizing."""
        return self.height, self.width


Resize = ResizeShortSide | ResizeExact


@dataclass(frozen=True, slots=True)
class Crop:
    """Keep the centre.

    The first row is ``(image height - height) / 2``, halves rounded to even; columns likewise.
    """

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """The part that works on whole images, before any arithmetic on their elements."""

    channels: Channels = Channels.RGB
    resize: Resize | None = None
    crop: Crop | None = None


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """All that a preprocessing file says.

    ``layout`` and ``dtype`` are ``None`` where the model's input decides.  ``mean`` and ``std``
    have one value, or one for each channel in the order of ``geometry.channels``.
    """

    geometry: Geometry = Geometry()
    divisor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: Layout | None = None
    dtype: np.dtype[Any] | None = None


def choose_layout(
    source: str,
    preprocessing: Preprocessing,
    spec: InputSpec,
    sample: tuple[int | None, int | None, int | None],
) -> Layout:
    """Return the layout in which samples of (height, width, channels) fit the model's input.

    Raises:
        InvalidData: if none fits, or both do and the preprocessing doesn't say which.
    """
    wanted = [preprocessing.layout] if preprocessing.layout else list(Layout)
    fitting = [layout for layout in wanted if spec.accepts(_arranged_shape(sample, layout))]
    match fitting:
        case [layout]:
            return layout
        case []:
            height, width, channels = sample
            raise InvalidData(
                source,
                f"samples of height {height or '?'}, width {width or '?'}, "
                f"{channels or '?'} channels after preprocessing",
                f"what input {spec.name!r} of shape {shape_text(spec.shape)} takes"
                + (f" in layout {wanted[0].value}" if preprocessing.layout else ""),
                "choose a preprocessing whose resize, crop, channels and layout fit",
            )
        case _:
            raise InvalidData(
                source,
                f"samples that fit input {spec.name!r} of shape {shape_text(spec.shape)} "
                "both as NCHW and as NHWC",
                "one layout",
                "set layout in the preprocessing file",
            )


def normalise(
    source: str,
    pixels: NDArray[Any],
    preprocessing: Preprocessing,
    layout: Layout,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Return ``pixels`` ``[n, height, width, channels]`` as the model's input of type ``dtype``.

    Raises:
        InvalidData: if the number of means or deviations isn't the number of channels, if an
            integer ``dtype`` can't hold the values exactly, or if one isn't finite.
    """
    channels = pixels.shape[3]
    for key, given in (("mean", preprocessing.mean), ("std", preprocessing.std)):
        if len(given) not in (1, channels):
            raise InvalidData(
                source,
                f"{channels} channels, but {len(given)} values of {key} in the preprocessing",
                f"1 or {channels} values",
                f"correct {key} or channels",
            )
    values = pixels.astype(np.float32)
    values /= np.float32(preprocessing.divisor)
    values -= np.array(preprocessing.mean, np.float32)
    values /= np.array(preprocessing.std, np.float32)
    if not np.isfinite(values).all():
        raise InvalidData(
            source,
            "a value that isn't finite after preprocessing",
            "finite values of float32",
            "correct the samples, or divisor and std in the preprocessing",
        )
    if layout is Layout.NCHW:
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    return _as_integers(source, values, dtype)


def _as_integers(source: str, values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    inexact = (values != np.rint(values)) | (values < limits.min) | (values > limits.max)
    if inexact.any():
        raise InvalidData(
            source,
            f"value {values[inexact][0]} after preprocessing",
            f"an integer from {limits.min} to {limits.max}, as the input's {dtype} can hold",
            "use a preprocessing with divisor 1, std 1 and a whole mean, such as raw",
        )
    return values.astype(dtype)


def _arranged_shape(
    sample: tuple[int | None, int | None, int | None], layout: Layout
) -> tuple[int | None, ...]:
    height, width, channels = sample
    return (channels, height, width) if layout is Layout.NCHW else (height, width, channels)
