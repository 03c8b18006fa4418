# SPDX-License-Identifier: Apache-2.0
"""Write a file or a folder whole, or not at all."""

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from intaglio.errors import InvalidFile


@contextmanager
def whole_file(path: Path) -> Generator[Path, None, None]:
    """Give a temporary path beside ``path`` to write to; it takes that name when the block ends.

    An exception, an interrupt among them, leaves neither a partial file nor a changed old one.

    Raises:
        InvalidFile: the file can't be written.
    """
    partial = _partial(path)
    try:
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if not _concerns(error, partial):
            raise
        raise _unwritable(path, error) from error


@contextmanager
def whole_folder(path: Path) -> Generator[Path, None, None]:
    """Give a temporary folder to fill; it takes the name ``path`` when the block ends.

    Raises:
        InvalidFile: something with content stands at ``path``, or nothing can be written there.
    """
    require_free_folder(path)
    partial = _partial(path)
    try:
        try:
            partial.mkdir()
            yield partial
            # Replaces an empty folder, and fails where one with content has come up meanwhile.
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        if not _concerns(error, partial):
            raise
        raise _unwritable(path, error) from error


def require_free_folder(path: Path) -> None:
    """Refuse to put a folder where something stands, before any work.

    Raises:
        InvalidFile: there is a file, or a folder with content.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise InvalidFile(
            path, "something stands there already", "name a new folder, or remove the old one"
        )


def require_writable(path: Path) -> None:
    """Refuse an output that can't be written, before any work.

    Raises:
        InvalidFile: ``path`` is a folder, or its own folder is absent or closed to writing.
    """
    if path.is_dir():
        raise InvalidFile(path, "it is a folder", "give the name of a file to write")
    if not path.parent.is_dir():
        raise InvalidFile(path, f"there is no folder {path.parent}", "make it first")
    if not os.access(path.parent, os.W_OK):
        raise InvalidFile(
            path, f"the folder {path.parent} is closed to writing", "choose a writable place"
        )


def require_apart(path: Path, model: Path) -> None:
    """Refuse an output that would take the place of the model it is made from.

    Raises:
        InvalidFile: both are one file.
    """
    if path.exists() and model.exists() and path.samefile(model):
        raise InvalidFile(path, "it is the float model itself", "name another file to write")


def _partial(path: Path) -> Path:
    # In the same folder, so that the renaming is one step of the file system.
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")


def _unwritable(path: Path, error: OSError) -> InvalidFile:
    return InvalidFile(path, f"can't be written ({error.strerror})", "choose a writable place")


def _concerns(error: OSError, partial: Path) -> bool:
    """Whether an error is about what is being written, not about another file."""
    if error.filename is None:
        return True
    failed = Path(os.fsdecode(error.filename))
    return failed == partial or partial in failed.parents
