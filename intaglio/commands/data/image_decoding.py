# SPDX-License-Identifier: Apache-2.0
"""From one encoded image to its pixels: what a worker process runs.

Everything here is picklable and pure.  What is wrong with an image is returned, not raised, because
the processes exchange plain values.  Pillow decodes; its version decides JPEG's last bits.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intaglio.commands.data.preprocessing_rules import (
    Channels,
    Crop,
    Geometry,
    Interpolation,
    Resize,
)

MAX_IMAGE_PIXELS = 1 << 26
"""64 megapixels: what one image may have, before and after resizing."""

# Pillow's modes that have 8 bits a channel or fewer, so that converting them loses no depth.
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})

_FILTERS = {
    Interpolation.NEAREST: Image.Resampling.NEAREST,
    Interpolation.BOX: Image.Resampling.BOX,
    Interpolation.BILINEAR: Image.Resampling.BILINEAR,
    Interpolation.BICUBIC: Image.Resampling.BICUBIC,
    Interpolation.LANCZOS: Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of a JPEG or PNG file."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        """Bytes it takes to hand to a worker."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """A sample of an array: ``[height, width]`` or ``[height, width, channels]``."""

    name: str
    pixels: NDArray[Any]

    @property
    def size(self) -> int:
        """Bytes it takes to hand to a worker."""
        return self.pixels.nbytes


SourceImage = EncodedImage | StoredPixels


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an image can't be used, in the parts of an ``InvalidData``."""

    name: str
    found: str
    expected: str
    advice: str


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes images to ``[height, width, channels]`` of the wanted size (``None``: any)."""

    geometry: Geometry
    height: int | None
    width: int | None

    def decode(self, image: SourceImage) -> NDArray[Any] | Refusal:
        """Return the image's pixels after colour conversion, resizing and cropping."""
        match image:
            case StoredPixels(_, pixels) if self.geometry.channels is Channels.AS_STORED:
                stored = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
                return self._require_size(image.name, stored)
            case StoredPixels(name, pixels):
                grey = pixels.ndim == 3 and pixels.shape[2] == 1
                return self._transform(name, Image.fromarray(pixels[:, :, 0] if grey else pixels))
            case EncodedImage(name, data):
                opened = _open(name, data)
                if isinstance(opened, Refusal):
                    return opened
                return self._transform(name, opened)
            case _:
                assert_never(image)

    def _transform(self, name: str, image: Image.Image) -> NDArray[Any] | Refusal:
        image = image.convert("L" if self.geometry.channels is Channels.GRAY else "RGB")
        if self.geometry.resize is not None:
            resized = _resize(name, image, self.geometry.resize)
            if isinstance(resized, Refusal):
                return resized
            image = resized
        if self.geometry.crop is not None:
            cropped = _crop(name, image, self.geometry.crop)
            if isinstance(cropped, Refusal):
                return cropped
            image = cropped
        pixels = np.asarray(image)
        match self.geometry.channels:
            case Channels.GRAY:
                pixels = pixels[:, :, np.newaxis]
            case Channels.BGR:
                pixels = pixels[:, :, ::-1]
            case Channels.RGB | Channels.AS_STORED:
                pass
            case _:
                assert_never(self.geometry.channels)
        return self._require_size(name, pixels)

    def _require_size(self, name: str, pixels: NDArray[Any]) -> NDArray[Any] | Refusal:
        height, width = pixels.shape[:2]
        if self.height in (None, height) and self.width in (None, width):
            return np.ascontiguousarray(pixels)
        return Refusal(
            name,
            f"{height} x {width} pixels (height x width) after preprocessing",
            f"{self.height or 'any'} x {self.width or 'any'}",
            "add or correct [resize] and [crop] in the preprocessing file",
        )


def _open(name: str, data: bytes) -> Image.Image | Refusal:
    try:
        with warnings.catch_warnings():
            # Pillow only warns of images between once and twice its own limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
            if image.width * image.height > MAX_IMAGE_PIXELS:
                return _too_large(name, image.height, image.width)
            if image.mode not in _MODES:
                return Refusal(
                    name,
                    f"an image of Pillow mode {image.mode}",
                    "8 bits a channel",
                    "convert it to 8-bit grey or RGB",
                )
            image.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        return Refusal(
            name,
            f"a decompression bomb ({error})",
            f"at most {MAX_IMAGE_PIXELS} pixels",
            "leave the image out",
        )
    except Exception as error:  # Pillow's parsers raise nearly anything on damaged bytes.
        return Refusal(
            name,
            f"{len(data)} bytes that can't be decoded ({' '.join(str(error).split())})",
            "a whole JPEG or PNG file",
            "replace the image or leave it out",
        )
    return image


def _resize(name: str, image: Image.Image, resize: Resize) -> Image.Image | Refusal:
    height, width = resize.target(image.height, image.width)
    if height * width > MAX_IMAGE_PIXELS:
        return _too_large(name, height, width)
    return image.resize((width, height), _FILTERS[resize.interpolation])


def _crop(name: str, image: Image.Image, crop: Crop) -> Image.Image | Refusal:
    if image.height < crop.height or image.width < crop.width:
        return Refusal(
            name,
            f"{image.height} x {image.width} pixels (height x width) before cropping",
            f"at least {crop.height} x {crop.width}",
            "add or correct [resize] in the preprocessing file",
        )
    top = round((image.height - crop.height) / 2)
    left = round((image.width - crop.width) / 2)
    return image.crop((left, top, left + crop.width, top + crop.height))


def _too_large(name: str, height: int, width: int) -> Refusal:
    return Refusal(
        name,
        f"{height} x {width} pixels (height x width)",
        f"at most {MAX_IMAGE_PIXELS} pixels",
        "shrink the image or leave it out",
    )
