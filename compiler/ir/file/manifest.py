# SPDX-License-Identifier: Apache-2.0
"""The manifest: what the file holds, so that nothing missing, added or changed goes unseen."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
GRAPH = "graph.txt"


def constant_entry(index: int) -> str:
    """The entry of the constant with this index among those that the text gives by hash."""
    return f"constants/{index:05}.npy"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says of one entry.

    Attributes:
        size: number of bytes.
        sha256: their hash in hexadecimal.
        constant: the value whose array the entry holds; empty for the text.
    """

    size: int
    sha256: str
    constant: str = ""

    @staticmethod
    def of(content: bytes, constant: str = "") -> "Entry":
        """What is true of this content."""
        return Entry(len(content), hashlib.sha256(content).hexdigest(), constant)


def write_manifest(intaglio: str, entries: Mapping[str, Entry]) -> bytes:
    """The manifest's JSON; ``intaglio`` is the version of the program that writes."""
    listed = {
        name: {"size": entry.size, "sha256": entry.sha256}
        | ({"constant": entry.constant} if entry.constant else {})
        for name, entry in entries.items()
    }
    manifest = {"format": FORMAT_VERSION, "intaglio": intaglio, "entries": listed}
    return (json.dumps(manifest, indent=1) + "\n").encode("ascii")


class InvalidManifest(ValueError):
    """The manifest isn't one; the message completes 'the manifest …'."""


def read_manifest(content: bytes) -> dict[str, Entry]:
    """What the manifest says of each entry.

    Raises:
        InvalidManifest: it isn't JSON of the known form and version.
    """
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidManifest("is not JSON") from None
    manifest = _object(parsed, "as a whole")
    if manifest.get("format") != FORMAT_VERSION:
        found = str(manifest.get("format"))[:20]
        raise InvalidManifest(f"states format {found}, and this Intaglio reads {FORMAT_VERSION}")
    entries = _object(manifest.get("entries"), "under entries")
    return {name: _entry(name, entry) for name, entry in entries.items()}


def _entry(name: str, value: object) -> Entry:
    entry = _object(value, f"for {name!r}")
    match entry:
        case {"size": int(size), "sha256": str(sha256)}:
            return Entry(size, sha256, str(entry.get("constant", "")))
        case _:
            raise InvalidManifest(f"has no size and sha256 for {name!r}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidManifest(f"holds no object {where}")
    return cast("dict[str, Any]", value)
