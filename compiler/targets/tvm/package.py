# SPDX-License-Identifier: Apache-2.0
"""A compiled network as build systems take it: static library, shared library, CMake file."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intaglio.compiler.targets.tvm.archive import Member, archive
from intaglio.compiler.targets.tvm.artifact import Artifact, Compiled
from intaglio.compiler.targets.tvm.cmake import cmake_lists
from intaglio.compiler.targets.tvm.machine import Machine


@dataclass(frozen=True, slots=True)
class Package:
    """The files beside the object.

    Attributes:
        library: the static library.
        lists: ``CMakeLists.txt``.
        shared: the shared library; None without an operating system, or without a linker.
        advice: how to make the shared library that is missing; empty where none is.
    """

    library: Path
    lists: Path
    shared: Path | None
    advice: str

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(filter(None, (self.library, self.shared, self.lists)))


def write_package(written: Artifact, name: str, machine: Machine, threads: int = 1) -> Package:
    """Write ``libNAME.a``, ``CMakeLists.txt`` and, where a linker is there, ``libNAME.so``.

    Args:
        written: the files of the network; the new ones are put beside them.
        name: of the network.
        machine: what it is compiled for.
        threads: that share the work of a call.
    """
    folder = written.object.parent
    library, lists = folder / f"lib{name}.a", folder / "CMakeLists.txt"
    library.write_bytes(archive([_member(each) for each in written.objects]))
    names = [each.path.name for each in written.objects]
    lists.write_text(cmake_lists(name, machine, names, threads), encoding="utf-8")
    if machine.bare:
        return Package(library, lists, None, "")
    shared = folder / f"lib{name}.so"
    command = _linking(machine, names, shared.name)
    if _links(command, folder):
        return Package(library, lists, shared, "")
    shared.unlink(missing_ok=True)
    advice = f"{shared.name} needs a linker for {machine.triple}: {' '.join(command)}"
    return Package(library, lists, None, advice)


def _member(compiled: Compiled) -> Member:
    return Member(compiled.path.name, compiled.path.read_bytes(), compiled.symbols)


def _linking(machine: Machine, objects: Sequence[str], library: str) -> list[str]:
    """The command that makes a shared library."""
    options = ["-shared", "-nostartfiles", "-Wl,-z,defs", "-Wl,--as-needed"]
    return [machine.compiler, *options, f"-Wl,-soname,{library}", *objects, "-o", library]


def _links(command: Sequence[str], folder: Path) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
    return done.returncode == 0
