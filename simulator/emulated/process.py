# SPDX-License-Identifier: Apache-2.0
"""Run a tool or an emulator: ended when it hangs or the caller is interrupted."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from intaglio.errors import EmulationFailed

PATIENCE = 600.0
"""Seconds in which an emulated program must finish a sample, and a tool its work."""

_LOOK = 0.02, 0.25
"""Seconds between two looks: at first, and at most."""

_KEPT_LINES = 3

EXIT_CODES = {
    3: "it can't open its files",
    4: "it can't read its inputs",
    5: "the network returned an error",
    6: "the network wrote beside its arena",
    7: "it can't write its outputs",
    8: "it ended with a fault",
    9: "the network wrote beside an output",
    10: "the network wrote into or beside an input",
}
"""Of an emulated program, beside 0."""

ADVICE = "please report it with the model"

Watch = Callable[[], int]
"""How far the work is, in any unit: a hanging program is one whose number stays."""


def run(
    command: Sequence[str],
    folder: Path,
    target: str,
    doing: str,
    watch: Watch = lambda: 0,
    patience: float = PATIENCE,
) -> str:
    """What a command prints on standard output.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        target: whose program it builds or runs.
        doing: the work, for the message.
        watch: called again and again; the command may take ``patience`` after each change.
        patience: seconds.

    Raises:
        EmulationFailed: it ended with an error, or hung and was ended.
    """
    with (
        (folder / "stdout.txt").open("w+") as out,
        (folder / "stderr.txt").open("w+") as errors,
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
        ) as process,
    ):
        try:
            in_time = _wait(process, watch, patience)
        finally:
            # Without effect on one that has ended.
            process.kill()
        said = _content(errors)
        if not in_time:
            found = f"{doing} was stopped: no progress in {patience:g} seconds"
            raise EmulationFailed(target, found, ADVICE)
        if process.returncode:
            raise EmulationFailed(target, _reason(process.returncode, doing, said), ADVICE)
        return _content(out)


def _wait(process: subprocess.Popen[bytes], watch: Watch, patience: float) -> bool:
    """Whether the process ended by itself."""
    pause, longest = _LOOK
    reached, since = watch(), time.monotonic()
    while True:
        try:
            process.wait(pause)
        except subprocess.TimeoutExpired:
            pause = min(2 * pause, longest)
        else:
            return True
        now = watch()
        if now != reached:
            reached, since = now, time.monotonic()
        if time.monotonic() - since > patience:
            return False


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _reason(code: int, doing: str, said: str) -> str:
    by_signal = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    ended = EXIT_CODES.get(code, by_signal)
    # The root of the matter stands first, the last lines say that it failed.
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join([f"{doing} failed", ended, *lines[-_KEPT_LINES:]])
