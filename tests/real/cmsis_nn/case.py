# SPDX-License-Identifier: Apache-2.0
"""A unit test of CMSIS-NN: numbers by name, and arrays without a shape."""

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.integer[Any]]

WORDS = {"false": 0, "true": 1}
INPUTS, OUTPUTS = ("input", "input_tensor"), ("output", "output_ref")


@dataclass(frozen=True)
class Case:
    """A folder of CMSIS-NN's test data.

    Attributes:
        name: the folder's.
        numbers: the macros of its header, without the case's name in front.
        files: the arrays by file and name, without the case's name: ``weights_data``, ``weights``.
    """

    name: str
    numbers: dict[str, int]
    files: dict[tuple[str, str], Array]

    def array(self, names: Iterable[str], size: int | None = None) -> Array:
        """The array that has one of the names, and that many elements.

        A case may hold the arrays of two generators: in files called as the array is, or with
        ``_data`` behind.  The former count where their output has the size of the header.
        """
        found = self.find(names, size)
        assert found is not None, f"{self.name} has no {'/'.join(names)} of {size} elements"
        return found

    def find(self, names: Iterable[str], size: int | None = None) -> Array | None:
        """The same; None where there is none."""
        fresh = {name: array for (file, name), array in self.files.items() if file == name}
        output = next((fresh[name] for name in OUTPUTS if name in fresh), None)
        complete = output is not None and self.numbers.get("DST_SIZE", output.size) == output.size
        kept = fresh if complete else {n: a for (f, n), a in self.files.items() if f != n}
        for name in names:
            if name in kept and (size is None or kept[name].size == size):
                return kept[name]
        return None


def read_cases(path: Path) -> dict[str, Case]:
    """Every case of the archive, by name."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(n.removesuffix(".json") for n in archive.namelist() if n.endswith(".json"))
        return {name: _read(archive, name) for name in names}


def _read(archive: zipfile.ZipFile, name: str) -> Case:
    macros: dict[str, str] = json.loads(archive.read(f"{name}.json"))
    with np.load(io.BytesIO(archive.read(f"{name}.npz"))) as file:
        arrays = {_key(key, name): file[key] for key in file.files}
    numbers = {
        key.removeprefix(f"{name.upper()}_"): WORDS[value] if value in WORDS else int(value)
        for key, value in macros.items()
        if value in WORDS or value.lstrip("-").isdigit()
    }
    return Case(name, numbers, arrays)


def _key(key: str, case: str) -> tuple[str, str]:
    file, _, name = key.partition(".")
    return file, name.removeprefix(f"{case}_")
