# SPDX-License-Identifier: Apache-2.0
"""Where images lie: a folder, a zip, or an npz of encoded images or of pixels.

Each source knows its length and reads a range of itself in order, holding one image at a time.
Names from a label file or an archive are only ever compared with names that were listed.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data.archives import open_archive, read_entry
from intaglio.commands.data.image_decoding import EncodedImage, SourceImage, StoredPixels
from intaglio.commands.data.npz import NpzArray, read_whole
from intaglio.commands.data.samples import shape_text
from intaglio.errors import InvalidData, InvalidFile

MAX_ENCODED_BYTES = 1 << 26
"""An encoded image may take 64 MiB."""

MAX_OFFSET_BYTES = 1 << 28

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class FolderImages:
    """Image files under a folder; ``names`` are relative to it, with forward slashes."""

    path: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.names)

    def read(self, selected: range) -> Iterator[SourceImage]:
        """Yield the selected images, encoded."""
        for index in selected:
            file = self.path / self.names[index]
            try:
                with file.open("rb") as stream:
                    data = stream.read(MAX_ENCODED_BYTES + 1)
            except OSError as error:
                raise InvalidFile(
                    file, f"it can't be read ({error.strerror})", "restore the image"
                ) from error
            if len(data) > MAX_ENCODED_BYTES:
                raise InvalidFile(
                    file, f"it is larger than {MAX_ENCODED_BYTES} bytes", "shrink or remove it"
                )
            yield EncodedImage(self.names[index], data)


@dataclass(frozen=True, slots=True)
class ZipImages:
    """Image entries of a zip."""

    path: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.names)

    def read(self, selected: range) -> Iterator[SourceImage]:
        """Yield the selected images, encoded."""
        with open_archive(self.path) as archive:
            for index in selected:
                name = self.names[index]
                yield EncodedImage(name, read_entry(self.path, archive, name, MAX_ENCODED_BYTES))


@dataclass(frozen=True, slots=True)
class NpzEncodedImages:
    """Encoded images end to end in one array; image ``i`` is bytes ``offset[i]:offset[i + 1]``."""

    encoded: NpzArray
    offsets: NDArray[np.int64]

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self.encoded.path

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.offsets) - 1

    def read(self, selected: range) -> Iterator[SourceImage]:
        """Yield the selected images, encoded."""
        with self.encoded.rows(int(self.offsets[selected.start])) as rows:
            for index in selected:
                length = int(self.offsets[index + 1] - self.offsets[index])
                yield EncodedImage(f"image {index}", rows.take(length).tobytes())


@dataclass(frozen=True, slots=True)
class NpzPixels:
    """Samples of one array, ``[n, height, width]`` or ``[n, height, width, channels]``."""

    array: NpzArray

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self.array.path

    def __len__(self) -> int:
        """How many images there are."""
        return self.array.shape[0]

    def read(self, selected: range) -> Iterator[SourceImage]:
        """Yield the selected samples."""
        with self.array.rows(selected.start) as rows:
            for index in selected:
                yield StoredPixels(f"sample {index}", rows.take(1)[0])


ImageSource = FolderImages | ZipImages | NpzEncodedImages | NpzPixels


def list_folder(path: Path) -> tuple[str, ...]:
    """Return the images under ``path``, sorted, relative, with forward slashes."""
    return tuple(
        sorted(
            (Path(folder) / file).relative_to(path).as_posix()
            for folder, _, files in os.walk(path)
            for file in files
            if file.lower().endswith(IMAGE_SUFFIXES)
        )
    )


def list_zip(path: Path) -> tuple[str, ...]:
    """Return the images of a zip in the order of its directory.

    Raises:
        InvalidFile: if it can't be read, or two entries have one name.
    """
    with open_archive(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(IMAGE_SUFFIXES)]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidFile(path, f"two entries are named {name!r}", "keep one of them")
        seen.add(name)
    return tuple(names)


def require_listed(path: Path, wanted: Collection[str], listed: Collection[str]) -> None:
    """Refuse a label file that names images which aren't there.

    Raises:
        InvalidData: naming the first few that are missing, and one that is there.
    """
    known = set(listed)
    missing = [name for name in wanted if name not in known]
    if missing:
        some = ", ".join(repr(name) for name in missing[:3])
        raise InvalidData(
            str(path),
            f"{len(known)} images, without {len(missing)} that the label file names ({some})",
            "every image of the label file" + (f", named like {min(known)!r}" if known else ""),
            "correct the names or the folder",
        )


def open_encoded(encoded: NpzArray, offset: NpzArray) -> NpzEncodedImages:
    """Return encoded images end to end in an npz.

    Raises:
        InvalidData: if the arrays are no bytes with non-decreasing offsets from 0 to their end.
    """
    encoded.require_readable()
    if encoded.dtype != np.uint8 or len(encoded.shape) != 1:
        raise InvalidData(
            encoded.source,
            f"{encoded.dtype} of shape {shape_text(encoded.shape)}",
            "uint8 of shape [bytes]",
            "join the encoded images end to end",
        )
    offsets = read_whole(offset, MAX_OFFSET_BYTES)
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or not _are_offsets(offsets, encoded):
        raise InvalidData(
            offset.source,
            f"{offsets.dtype} of shape {shape_text(offsets.shape)}",
            f"integers rising from 0 to {encoded.shape[0]}, one more than there are images, "
            f"in steps of at most {MAX_ENCODED_BYTES}",
            "store where each encoded image starts, and the end",
        )
    return NpzEncodedImages(encoded, offsets.astype(np.int64))


def open_pixels(array: NpzArray, as_stored: bool) -> NpzPixels:
    """Return the samples of an array as pixels; ``as_stored`` admits any type and channels.

    Raises:
        InvalidData: if the array holds no images.
    """
    array.require_readable()
    rank = len(array.shape)
    if as_stored and rank in (3, 4):
        return NpzPixels(array)
    if array.dtype == np.uint8 and (rank == 3 or (rank == 4 and array.shape[3] in (1, 3))):
        return NpzPixels(array)
    raise InvalidData(
        array.source,
        f"{array.dtype} of shape {shape_text(array.shape)}",
        "images to preprocess: uint8 [n, height, width] or [n, height, width, 1 or 3]",
        "leave preprocessing out, or set channels to as-stored in it",
    )


def _are_offsets(offsets: NDArray[Any], encoded: NpzArray) -> bool:
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != encoded.shape[0]:
        return False
    if (offsets[1:] < offsets[:-1]).any():
        return False
    return len(offsets) == 1 or int(np.diff(offsets).max()) <= MAX_ENCODED_BYTES
