# SPDX-License-Identifier: Apache-2.0
"""Small images, encoded, and the inputs that take them."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intaglio.commands.data import InputSpec


def float_input(*sample_shape: int | None, name: str = "input") -> InputSpec:
    return InputSpec(name, (None, *sample_shape), np.dtype(np.float32))


def random_pixels(seed: int, height: int = 8, width: int = 8, channels: int = 3) -> NDArray[Any]:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encode(pixels: NDArray[Any], kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, entries: dict[str, bytes]) -> Path:
    for name, data in entries.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path
