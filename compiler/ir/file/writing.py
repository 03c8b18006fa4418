# SPDX-License-Identifier: Apache-2.0
"""Write a graph to a file, whole or not at all."""

import io
import os
import secrets
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from intaglio.compiler.ir.file.manifest import (
    GRAPH,
    MANIFEST,
    Entry,
    constant_entry,
    write_manifest,
)
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import INLINE_LIMIT, print_graph
from intaglio.compiler.ir.verify import check
from intaglio.errors import InvalidFile

# The earliest time that a zip can state: when a file was written is no part of the graph.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def save(graph: Graph, path: Path | str) -> None:
    """Write ``graph`` to ``path``; what stood there is replaced once the new file is whole.

    Raises:
        InvalidGraph: the graph breaks rules of the IR, so that ``load`` would refuse it.
        InvalidFile: the file can't be written; nothing is left behind.
    """
    check(graph)
    contents = _contents(graph)
    path = Path(path)
    # In the same folder, so that replacing is one step of the file system.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        try:
            with partial.open("xb") as file:
                _write_zip(file, contents)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidFile(
            path,
            f"can't be written ({error.strerror})",
            "choose a name in a folder that exists and that you may write to",
        ) from error


def _contents(graph: Graph) -> Mapping[str, bytes]:
    """Every entry by name, the manifest first."""
    contents = {GRAPH: print_graph(graph).encode("ascii")}
    entries = {GRAPH: Entry.of(contents[GRAPH])}
    apart = [each for each in graph.constants if each.array.size > INLINE_LIMIT]
    for index, constant in enumerate(apart):
        name = constant_entry(index)
        contents[name] = _plain_array(constant.array)
        entries[name] = Entry.of(contents[name], constant.name)
    return {MANIFEST: write_manifest(_own_version(), entries), **contents}


def _plain_array(array: Array) -> bytes:
    """The ``.npy`` form, version 1.0: row-major, little-endian."""
    buffer = io.BytesIO()
    plain = array.astype(array.dtype.newbyteorder("<"), order="C")
    np.lib.format.write_array(buffer, plain, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _own_version() -> str:
    try:
        return version("intaglio")
    except PackageNotFoundError:
        return "not installed"


def _write_zip(file: io.BufferedWriter, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system = _UNIX
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    file.flush()
    os.fsync(file.fileno())
