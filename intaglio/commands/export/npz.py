# SPDX-License-Identifier: Apache-2.0
"""Write an export as an ``.npz``: an array for each tensor, and ``index``, a JSON text."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.export.plain_words import plain_array
from intaglio.commands.export.tensors import ExportedGraph


def write_npz(exported: ExportedGraph, path: Path) -> None:
    """Write ``path``; NumPy reads it with ``allow_pickle=False``.

    Integers have the smallest NumPy type of their width; integers of more than 64 bits are uint64
    words, least significant first, along a last axis.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in _arrays(exported):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _arrays(exported: ExportedGraph) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "index", np.array(json.dumps(exported.index()))
    for tensor in exported.tensors():
        yield tensor.name, plain_array(tensor)
