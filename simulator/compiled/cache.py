# SPDX-License-Identifier: Apache-2.0
"""Compiled objects on disk, found again by the hash of everything that they depend on."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import intaglio.compiler.targets
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import print_graph


@dataclass(frozen=True, slots=True)
class Stored:
    """A compiled graph on disk.

    Attributes:
        code: a shared object, or LLVM bitcode for the JIT where there is no linker.
        arena: bytes of memory that a call needs.
    """

    code: Path
    arena: int


@cache
def _toolchain() -> str:
    """A hash of the compiler: versions, and our own sources."""
    digest = hashlib.sha256()
    for distribution in ("apache-tvm", "apache-tvm-ffi"):
        digest.update(f"{distribution} {version(distribution)}\n".encode())
    root = Path(intaglio.compiler.targets.__file__).parent
    for folder in (root / "tvm", root.parent / "analysis"):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def key(graph: Graph, machine: str) -> str:
    """A name for a graph on a machine: the text form holds a hash of each large constant."""
    digest = hashlib.sha256(f"{_toolchain()}\n{machine}\n".encode())
    digest.update(print_graph(graph).encode())
    return digest.hexdigest()


def folder() -> Path:
    """Where objects are kept: ``$INTAGLIO_CACHE``, or the user's cache folder."""
    given = os.environ.get("INTAGLIO_CACHE")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "intaglio" / "compiled"


def stored(name: str, compile: Callable[[Path], Stored]) -> Stored:
    """The object of that name; ``compile`` makes it in a given folder where there is none yet."""
    place = folder() / name
    record = place / "record.json"
    if record.exists():
        found = json.loads(record.read_text())
        return Stored(place / found["code"], found["arena"])
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as temporary:
        made = compile(Path(temporary))
        written = {**asdict(made), "code": made.code.name}
        (Path(temporary) / "record.json").write_text(json.dumps(written))
        # Whole or not at all: another process may make the same object at the same time.
        try:
            os.rename(temporary, place)
            Path(temporary).mkdir()
        except OSError:
            pass
    return Stored(place / made.code.name, made.arena)
