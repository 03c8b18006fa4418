# SPDX-License-Identifier: Apache-2.0
"""Run the command line in this process: the arguments in, exit code and streams out."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from intaglio.cli import main

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"


@dataclass(frozen=True, slots=True)
class Finished:
    """A verb that has ended."""

    code: int
    out: str
    err: str


def intaglio(*arguments: str | Path) -> Finished:
    """Run a verb as a shell would; an exception that is no ``SystemExit`` is the test's to see."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        patch.object(sys, "argv", ["intaglio", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Finished(code, out.getvalue(), err.getvalue())


def done(*arguments: str | Path) -> str:
    """What a verb that must succeed prints."""
    finished = intaglio(*arguments)
    assert (finished.code, finished.err) == (0, ""), finished.err
    return finished.out


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
