# SPDX-License-Identifier: Apache-2.0
"""Read a graph from a file that anyone may have made or damaged.

Nothing is unpacked to disk, unpickled, decompressed, or allocated beyond the file's own size.
"""

import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from intaglio.compiler.ir.file.manifest import (
    GRAPH,
    MANIFEST,
    Entry,
    InvalidManifest,
    read_manifest,
)
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import verify
from intaglio.errors import InvalidFile, InvalidText

_ENTRY = re.compile(r"manifest\.json|graph\.txt|constants/[0-9]{5,9}\.npy")
# What NumPy writes for an array of numbers in row-major order; nothing else needs evaluating.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00.."
    rb"\{'descr': '(?P<dtype>\|[iu]1|<[iu][248]|<f4)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>[0-9, ]{0,200})\), \} *\n",
    re.DOTALL,
)
_ENCRYPTED = 1
_ADVICE = "get an intact copy, or make the file again from the model"


def load(path: Path | str) -> Graph:
    """Read a graph that ``save`` wrote, and verify it.

    Raises:
        InvalidFile: there is no such file, it isn't an intact ``.intaglio`` file of a known
            version, or its graph breaks rules of the IR.
    """
    path = Path(path)
    contents = _Archive(path).contents()
    try:
        entries = read_manifest(contents.pop(MANIFEST))
    except InvalidManifest as error:
        advice = "load it with the Intaglio that wrote it, or make the file again from the model"
        raise InvalidFile(path, f"the manifest {error}", advice) from error
    _match(path, contents, entries)
    text = contents.pop(GRAPH)
    constants = {entries[name].constant: _array(path, name, contents[name]) for name in contents}
    return _graph(path, text, constants)


class _Archive:
    """The zip of one file, in which only plain entries of known names are accepted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def contents(self) -> dict[str, bytes]:
        """The bytes of every entry by name."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                self._require_plain(archive.infolist())
                return {entry.filename: archive.read(entry) for entry in archive.infolist()}
        except OSError as error:
            found = f"can't be read ({error.strerror or error})"
            raise InvalidFile(self._path, found, "check the path and its permissions") from error
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise InvalidFile(self._path, f"not an intact zip ({error})", _ADVICE) from error

    def _require_plain(self, entries: list[zipfile.ZipInfo]) -> None:
        names = Counter(entry.filename for entry in entries)
        for entry in entries:
            name = repr(entry.filename[:80])
            if not _ENTRY.fullmatch(entry.filename):
                self._refuse(f"the entry {name} has no place in an .intaglio file")
            if names[entry.filename] > 1:
                self._refuse(f"the entry {name} is there twice")
            if entry.flag_bits & _ENCRYPTED or entry.compress_type != zipfile.ZIP_STORED:
                self._refuse(f"the entry {name} is compressed or encrypted, not stored")
            if entry.file_size != entry.compress_size:
                self._refuse(f"the entry {name} states two sizes")
        for name in (MANIFEST, GRAPH):
            if name not in names:
                self._refuse(f"there is no entry {name!r}")
        stated, actual = sum(entry.file_size for entry in entries), self._path.stat().st_size
        if stated > actual:
            self._refuse(f"the entries state {stated} bytes in a file of {actual}")

    def _refuse(self, found: str) -> None:
        raise InvalidFile(self._path, found, _ADVICE)


def _match(path: Path, contents: Mapping[str, bytes], entries: Mapping[str, Entry]) -> None:
    """Demand that the manifest and the zip agree, entry by entry."""
    for name in sorted(contents.keys() ^ entries.keys()):
        where = "the zip alone" if name in contents else "the manifest alone"
        raise InvalidFile(path, f"the entry {name[:80]!r} is in {where}", _ADVICE)
    for name, content in contents.items():
        entry = entries[name]
        if len(content) != entry.size:
            found = f"the entry {name!r} has {len(content)} bytes, the manifest says {entry.size}"
            raise InvalidFile(path, found, _ADVICE)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            found = f"the entry {name!r} doesn't have the hash that the manifest says"
            raise InvalidFile(path, found, _ADVICE)


def _array(path: Path, name: str, content: bytes) -> Array:
    """The array of a ``.npy`` entry, as long as its header says exactly what follows."""
    header = _HEADER.match(content)
    if header is None or header.end() != 10 + int.from_bytes(content[8:10], "little"):
        found = f"the entry {name!r} is not a plain array of numbers"
        raise InvalidFile(path, found, _ADVICE)
    dtype = np.dtype(header["dtype"].decode("ascii"))
    shape = tuple(int(extent) for extent in header["shape"].split(b",") if extent.strip())
    size = len(content) - header.end()
    if size != prod(shape) * dtype.itemsize:
        found = f"the entry {name!r} has {size} bytes for {dtype} of shape {list(shape)}"
        raise InvalidFile(path, found, _ADVICE)
    return np.frombuffer(content, dtype=dtype, offset=header.end()).reshape(shape)


def _graph(path: Path, text: bytes, constants: Mapping[str, Array]) -> Graph:
    try:
        graph = parse_graph(text.decode("ascii"), constants)
    except UnicodeDecodeError as error:
        raise InvalidFile(path, f"{GRAPH} is not ASCII text", _ADVICE) from error
    except InvalidText as error:
        raise InvalidFile(path, f"{GRAPH}, {error}", _ADVICE) from error
    violations = verify(graph)
    if violations:
        listed = "\n  ".join(violations)
        raise InvalidFile(path, f"its graph breaks rules of the IR:\n  {listed}\n", _ADVICE)
    return graph
