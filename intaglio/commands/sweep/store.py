# SPDX-License-Identifier: Apache-2.0
"""Results on disk by content, each whole or absent, so that an interrupted sweep goes on."""

import fcntl
import json
import re
import shutil
import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from intaglio.commands.output_files import whole_file
from intaglio.commands.sweep.cutting import ComparedOutput
from intaglio.commands.sweep.outputs import Output, Outputs
from intaglio.commands.sweep.tally import Tally
from intaglio.compiler.ir.graph import Array
from intaglio.errors import InvalidFile

_RUNS, _REFERENCE, _INPUTS, _LOCK = "runs", "reference", "inputs", ".lock"
_OURS = frozenset(
    {_RUNS, _REFERENCE, _INPUTS, _LOCK, "quantized", "sweep.csv", "sweep.json", "pareto.svg"}
)
_MAXIMUM_BYTES = 1 << 20


class Store:
    """The results in a sweep's folder.

    ``runs/KEY.json`` is a finished run, ``runs/KEY/NUMBER.json`` a chunk of one that isn't;
    ``reference/KEY/NUMBER.npz`` are outputs that others are held against.
    """

    def __init__(self, folder: Path) -> None:
        """Of an existing folder."""
        self._folder = folder

    def finished(self, key: str) -> Tally | None:
        """The counts of a whole run."""
        return _tally(self._folder / _RUNS / f"{key}.json")

    def chunk(self, key: str, number: int) -> Tally | None:
        """The counts of one chunk."""
        return _tally(self._chunk_file(key, number))

    def keep_chunk(self, key: str, number: int, tally: Tally) -> None:
        """Write the counts of one chunk."""
        _write(self._chunk_file(key, number), tally)

    def finish(self, key: str, tally: Tally) -> None:
        """Write the counts of a whole run, then drop its chunks."""
        _write(self._folder / _RUNS / f"{key}.json", tally)
        shutil.rmtree(self._folder / _RUNS / key, ignore_errors=True)

    def expected(
        self, key: str, number: int, compared: Sequence[ComparedOutput], samples: int
    ) -> Outputs | None:
        """The reference's outputs of one chunk; None where they aren't there or are damaged."""
        try:
            with np.load(self._outputs_file(key, number), allow_pickle=False) as arrays:
                found = {name: np.asarray(arrays[name]) for name in arrays.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        names = _array_names(compared)
        if set(found) != set(names) or any(len(found[name]) != samples for name in names):
            return None
        return tuple(
            Output(
                found[f"value{place}"],
                None if each.code is None else found[f"code{place}"],
                each.meaning,
                each.bits,
            )
            for place, each in enumerate(compared)
        )

    def keep_expected(self, key: str, number: int, outputs: Outputs) -> None:
        """Write the reference's outputs of one chunk."""
        arrays: dict[str, Array] = {}
        for place, output in enumerate(outputs):
            arrays[f"value{place}"] = output.value
            if output.code is not None:
                arrays[f"code{place}"] = output.code
        path = self._outputs_file(key, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def _chunk_file(self, key: str, number: int) -> Path:
        return self._folder / _RUNS / key / f"{number:05}.json"

    def _outputs_file(self, key: str, number: int) -> Path:
        return self._folder / _REFERENCE / key / f"{number:05}.npz"


@contextmanager
def opened_store(folder: Path) -> Generator[Store, None, None]:
    """A sweep's folder, made where there is none, held by one sweep at a time.

    Raises:
        InvalidFile: something else stands there, or another sweep is writing to it.
    """
    require_sweep_folder(folder)
    folder.mkdir(exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidFile(
                folder, "another sweep is writing to it", "wait for it, or name another folder"
            ) from None
        for partial in folder.rglob(".*.partial"):
            # What a killed sweep left half written.
            partial.unlink(missing_ok=True)
        (folder / _INPUTS).mkdir(exist_ok=True)
        try:
            yield Store(folder)
        finally:
            shutil.rmtree(folder / _INPUTS, ignore_errors=True)


def inputs_folder(folder: Path) -> Path:
    """Where the input codes of a sweep under way lie."""
    return folder / _INPUTS


def require_sweep_folder(folder: Path) -> None:
    """Refuse a folder that holds something else, before any work.

    Raises:
        InvalidFile: it does, or its own folder is absent.
    """
    if not folder.parent.is_dir():
        raise InvalidFile(folder, f"there is no folder {folder.parent}", "make it first")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InvalidFile(folder, "it is a file", "name a folder")
    for path in folder.iterdir():
        if path.name not in _OURS and not re.fullmatch(r"\..*\.partial", path.name):
            raise InvalidFile(
                folder,
                f"it holds {path.name}, which is no part of a sweep",
                "name a new folder, or one of an earlier sweep",
            )


def _tally(path: Path) -> Tally | None:
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            return None
        return Tally.of(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, tally: Tally) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(tally.facts(), indent=1) + "\n", encoding="utf-8")


def _array_names(compared: Sequence[ComparedOutput]) -> list[str]:
    names: list[str] = []
    for place, each in enumerate(compared):
        names += [f"value{place}"] if each.code is None else [f"value{place}", f"code{place}"]
    return names
