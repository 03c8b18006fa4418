# SPDX-License-Identifier: Apache-2.0
"""Zip files from strangers: entries are read under a bound, never written, never used as paths."""

import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from intaglio.errors import InvalidFile

# What the standard library raises for damaged, encrypted or unknown content.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def naming_damage(path: Path, part: str) -> Generator[None, None, None]:
    """Turn the zip library's failures inside the block into one sentence about ``part``.

    Raises:
        InvalidFile: for damaged, encrypted or unreadable content.
    """
    try:
        yield
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidFile(
            path, f"{part} can't be read ({reason})", "save or download the file again"
        ) from error


@contextmanager
def open_archive(path: Path) -> Generator[zipfile.ZipFile, None, None]:
    """Open a zip for reading.

    Raises:
        InvalidFile: if it is no zip, or a damaged one.
    """
    with naming_damage(path, "the archive"):
        archive = zipfile.ZipFile(path)
    with archive:
        yield archive


def read_entry(path: Path, archive: zipfile.ZipFile, entry: str, max_bytes: int) -> bytes:
    """Return one entry of the archive opened from ``path``.

    Raises:
        InvalidFile: if it is damaged or unpacks to more than ``max_bytes``.
    """
    with naming_damage(path, f"entry {entry!r}"), archive.open(entry) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise InvalidFile(
            path,
            f"entry {entry!r} unpacks to more than {max_bytes} bytes",
            "leave it out or store a smaller image",
        )
    return data
