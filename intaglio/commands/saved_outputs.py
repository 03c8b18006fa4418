# SPDX-License-Identifier: Apache-2.0
"""Outputs of many runs, collected on disk and put into one ``.npz``."""

import tempfile
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intaglio.commands.output_files import require_writable, whole_file
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FloatType
from intaglio.errors import InvalidData


@dataclass(frozen=True, slots=True)
class SavedOutputs:
    """An array on disk for each output, ``[samples, …]``."""

    arrays: Mapping[str, Array]

    def put(self, first: int, count: int, outputs: Mapping[str, Array]) -> None:
        """Store the outputs of samples ``first`` to ``first + count``."""
        for name, array in self.arrays.items():
            array[first : first + count] = outputs[name][:count]


@contextmanager
def saving_outputs(path: Path, graph: Graph, samples: int) -> Generator[SavedOutputs, None, None]:
    """Collect outputs, and write them to ``path`` under their names in the user's model.

    Raises:
        InvalidFile: the file can't be written.
        InvalidData: an output has no batch dimension.
    """
    require_writable(path)
    sources = graph.output_sources or graph.outputs
    names = dict(zip(graph.outputs, sources, strict=True))
    with whole_file(path) as partial, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        files = {name: Path(folder) / f"{index}.npy" for index, name in enumerate(names)}
        yield SavedOutputs(
            {name: _open(graph, name, file, samples) for name, file in files.items()}
        )
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name, file in files.items():
                archive.write(file, f"{names[name]}.npy")


def _open(graph: Graph, name: str, file: Path, samples: int) -> Array:
    type = graph.type_of(name)
    if type.rank == 0:
        raise InvalidData(
            f"output {name}",
            "a single number",
            "a leading batch dimension",
            "leave --save out for this model",
        )
    dtype = np.dtype(np.float32) if isinstance(type.element, FloatType) else type.element.dtype
    shape = (samples, *type.shape[1:])
    return np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
