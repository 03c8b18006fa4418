# SPDX-License-Identifier: Apache-2.0
"""Vectors as files: hex words, a line each, and one npz; a manifest with their hashes."""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from intaglio.commands.export.columns import Element
from intaglio.commands.export.hexadecimal import hexadecimal_lines
from intaglio.commands.export.plain_words import plain_array
from intaglio.commands.export.tensors import ExportedTensor
from intaglio.numerics.integers import IntType

FORMAT = "intaglio-vectors-1"

_EPOCH = (1980, 1, 1, 0, 0, 0)


def element_of(type: IntType) -> Element:
    """What an array of a type holds."""
    return Element.of(type)


def write_layer(
    folder: Path, name: str, tensors: Sequence[ExportedTensor]
) -> list[dict[str, object]]:
    """Write ``NAME/TENSOR.hex`` for each tensor and ``NAME/vectors.npz``; returns their entries."""
    place = folder / name
    place.mkdir(parents=True)
    entries: list[dict[str, object]] = []
    for tensor in tensors:
        file = place / f"{tensor.name}.hex"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{line}\n" for line in hexadecimal_lines(tensor)).encode("ascii")
        file.write_bytes(text)
        entries.append(
            {
                "name": tensor.name,
                "file": file.relative_to(folder).as_posix(),
                "type": str(tensor.element),
                "bits": tensor.element.bits,
                "shape": list(tensor.array.shape),
                "sha256": hashlib.sha256(text).hexdigest(),
            }
        )
    archive = place / "vectors.npz"
    with zipfile.ZipFile(archive, "w") as opened:
        for tensor in tensors:
            # Without the time of day, equal vectors make equal files.
            member = zipfile.ZipInfo(f"{tensor.name}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with opened.open(member, "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, plain_array(tensor), allow_pickle=False)
    entries.append(
        {
            "name": "vectors",
            "file": archive.relative_to(folder).as_posix(),
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        }
    )
    return entries


def write_manifest(folder: Path, facts: Mapping[str, object]) -> None:
    """Write ``manifest.json``."""
    text = json.dumps({"format": FORMAT, **facts}, indent=1, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")
