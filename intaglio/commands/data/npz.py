# SPDX-License-Identifier: Apache-2.0
"""Arrays of an ``.npz``, read in rows: headers first, never a pickle, never a whole array.

Format: NEP 1 (``.npy`` versions 1.0 and 2.0) inside a zip.  Every entry's size must agree with its
header before a row is read, so what a hostile header can make us allocate is one bounded read.
"""

import math
import zipfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from intaglio.commands.data.archives import naming_damage, open_archive
from intaglio.commands.data.samples import shape_text
from intaglio.errors import InvalidData, InvalidFile

MAX_ROW_BYTES = 1 << 28
"""One sample may take 256 MiB."""

MAX_HEADER_CHARACTERS = 10_000

_HEADER_READERS = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}

_NUMBERS = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
)


@dataclass(frozen=True, slots=True)
class NpzArray:
    """One array as its header describes it; ``rows`` opens it for reading."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    header_bytes: int
    entry_bytes: int

    @property
    def source(self) -> str:
        """Where the array is, for messages."""
        return f"{self.path}, array {self.name!r}"

    @property
    def row_bytes(self) -> int:
        """Bytes of one index of the leading axis."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def require_readable(self) -> None:
        """Refuse what can't be read in rows as plain numbers.

        Raises:
            InvalidData: for objects, records, text, scalars, empty or huge rows, column order.
            InvalidFile: if the entry's size contradicts its header.
        """
        if self.dtype.newbyteorder("=").name not in _NUMBERS:
            raise InvalidData(
                self.source,
                f"elements of type {self.dtype}",
                "plain integers, booleans or floats",
                "save it with a numeric dtype; pickled objects are never loaded",
            )
        if not self.shape or self.row_bytes == 0 or self.row_bytes > MAX_ROW_BYTES:
            raise InvalidData(
                self.source,
                f"shape {shape_text(self.shape)}",
                f"samples along the first axis, each of 1 to {MAX_ROW_BYTES} bytes",
                "reshape it to [samples, ...]",
            )
        if self.fortran_order:
            raise InvalidData(
                self.source,
                "column-major (Fortran) order",
                "row-major order, which can be streamed",
                "save numpy.ascontiguousarray of it",
            )
        if self.header_bytes + self.row_bytes * self.shape[0] != self.entry_bytes:
            raise InvalidFile(
                self.path,
                f"array {self.name!r} says shape {shape_text(self.shape)} of {self.dtype} but its "
                f"entry holds {self.entry_bytes - self.header_bytes} bytes",
                "save the file again",
            )

    @contextmanager
    def rows(self, start: int = 0) -> Generator["RowReader", None, None]:
        """Open the array for reading from row ``start`` on."""
        self.require_readable()
        with open_archive(self.path) as archive, ExitStack() as stack:
            with naming_damage(self.path, f"array {self.name!r}"):
                entry = stack.enter_context(archive.open(f"{self.name}.npy"))
            reader = RowReader(self, entry)
            reader.pass_over(self.header_bytes + start * self.row_bytes)
            yield reader


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads an array's rows front to back."""

    array: NpzArray
    _entry: IO[bytes]

    def take(self, count: int) -> NDArray[Any]:
        """Return the next ``count`` rows, ``[count, …]``, in the machine's byte order.

        Raises:
            InvalidFile: if the entry ends early or is damaged.
        """
        data = self._read(count * self.array.row_bytes)
        values = np.frombuffer(data, self.array.dtype).reshape(count, *self.array.shape[1:])
        return values.astype(self.array.dtype.newbyteorder("="), copy=False)

    def pass_over(self, count: int) -> None:
        """Move ``count`` bytes ahead, in bounded steps."""
        step = 1 << 20
        for position in range(0, count, step):
            self._read(min(step, count - position))

    def _read(self, count: int) -> bytes:
        with naming_damage(self.array.path, f"array {self.array.name!r}"):
            data = self._entry.read(count)
        if len(data) != count:
            raise InvalidFile(
                self.array.path,
                f"array {self.array.name!r} ends {count - len(data)} bytes early",
                "save the file again",
            )
        return data


def read_npz(path: Path) -> dict[str, NpzArray]:
    """Return every array of the file by name, from the headers alone.

    Raises:
        InvalidFile: if the file is no zip, a header can't be read, or a name comes twice.
    """
    arrays: dict[str, NpzArray] = {}
    with open_archive(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            array = _read_header(path, archive, info)
            if array.name in arrays:
                raise InvalidFile(path, f"two arrays are named {array.name!r}", "keep one of them")
            arrays[array.name] = array
    return arrays


def read_whole(array: NpzArray, max_bytes: int) -> NDArray[Any]:
    """Return all of a small array.

    Raises:
        InvalidData: if it takes more than ``max_bytes``.
    """
    array.require_readable()
    size = array.row_bytes * array.shape[0]
    if size > max_bytes:
        raise InvalidData(
            array.source, f"{size} bytes", f"at most {max_bytes}", "split the data set"
        )
    with array.rows() as rows:
        return rows.take(array.shape[0])


def _read_header(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NpzArray:
    name = info.filename.removesuffix(".npy")
    with naming_damage(path, f"array {name!r}"), archive.open(info) as entry:
        version = npy_format.read_magic(entry)
        if version not in _HEADER_READERS:
            raise ValueError(f"npy version {version[0]}.{version[1]}")
        shape, fortran_order, dtype = _HEADER_READERS[version](
            entry, max_header_size=MAX_HEADER_CHARACTERS
        )
        header_bytes = entry.tell()
    if any(size < 0 for size in shape):
        raise InvalidFile(path, f"array {name!r} says shape {shape}", "save the file again")
    return NpzArray(path, name, shape, dtype, fortran_order, header_bytes, info.file_size)
