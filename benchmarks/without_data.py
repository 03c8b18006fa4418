# SPDX-License-Identifier: Apache-2.0
"""Run the command line where real data can't be read, and measure its memory.

``python -m benchmarks.without_data FACTS FOLDER ARGUMENT...`` runs ``intaglio ARGUMENT...`` and
writes FACTS, a JSON file.  Whatever the process then opens or lists below FOLDER raises
``RealDataOpened`` and is noted.  Python's own readers are seen, those of images and ``.npz`` with
them; ONNX Runtime opens models by itself, so give it copies that lie elsewhere.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intaglio.cli import main as run_command_line

_READING = ("open", "os.listdir", "os.scandir")


class RealDataOpened(Exception):
    """Something tried to read real data; no error of files, which code may expect and survive."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a process was like.

    Attributes:
        peak_mebibytes: of its memory, libraries included.
        opened: what it tried to read of the folder that was out of bounds.
    """

    peak_mebibytes: float
    opened: tuple[str, ...]


def facts_of(path: Path) -> Facts:
    """What a process has written."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Facts(found["peak_mebibytes"], tuple(found["opened"]))


def forbid(folder: Path) -> list[str]:
    """Refuse from now on, for good, to read anything in a folder; the list gets what was tried."""
    forbidden = os.path.realpath(folder)
    opened: list[str] = []

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _READING:
            return
        given = arguments[0]
        # An integer is a file that is open already; no name is the working directory.
        if given is None or isinstance(given, int):
            return
        path = os.path.realpath(os.fsdecode(given) if isinstance(given, bytes) else str(given))
        if path == forbidden or path.startswith(forbidden + os.sep):
            opened.append(path)
            raise RealDataOpened(f"{path} is real data, which nothing may read here")

    sys.addaudithook(refuse)
    return opened


def main() -> None:
    """Forbid, run, note."""
    facts, folder, *arguments = sys.argv[1:]
    opened = forbid(Path(folder))
    sys.argv = ["intaglio", *arguments]
    try:
        run_command_line()
    finally:
        # The kernel's high-water mark is of this process alone, and not of what started it.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        found = {"peak_mebibytes": int(peak[1]) / 1024 if peak else 0.0, "opened": opened}
        Path(facts).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
