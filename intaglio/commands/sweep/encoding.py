# SPDX-License-Identifier: Apache-2.0
"""A data set as input codes on disk: decoded and quantized once, mapped into every worker."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Dataset
from intaglio.commands.progress import Report
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.simulator import vectorized


@dataclass(frozen=True, slots=True)
class EncodedData:
    """The samples as one way of quantizing inputs makes them.

    Attributes:
        files: an array ``[samples, …]`` in NumPy's format for each input of the core, in order.
        samples: how many there are.
        labels: a class a sample, if the data has any.
        key: SHA-256 of all that is in them.
    """

    files: tuple[Path, ...]
    samples: int
    labels: NDArray[np.int64] | None
    key: str

    def rows(self, first: int, last: int) -> tuple[Array, ...]:
        """The samples from ``first`` up to ``last``, of each input."""
        return tuple(np.asarray(array[first:last]) for array in map(mapped, self.files))

    def labels_of(self, first: int, last: int) -> NDArray[np.int64] | None:
        """The labels of those samples."""
        return None if self.labels is None else self.labels[first:last]


def mapped(file: Path) -> Array:
    """An array on disk, read as it is used."""
    array: Array = np.load(file, mmap_mode="r", allow_pickle=False)
    return array


def encode(
    heads: Mapping[str, Graph], dataset: Dataset, folder: Path, report: Report
) -> dict[str, EncodedData]:
    """Run each head over the data set, which is decoded once, and write what comes out.

    Args:
        heads: graphs from the model's inputs to codes, all of one batch, by any name.
        dataset: samples, and perhaps labels.
        folder: an existing one.
        report: called with samples done and their total.

    Returns:
        What each head made.
    """
    programs = {name: vectorized.Program(head) for name, head in heads.items()}
    arrays = {
        name: [
            _opened(folder / f"{number}.{place}.npy", head.type_of(output), len(dataset))
            for place, output in enumerate(head.outputs)
        ]
        for number, (name, head) in enumerate(heads.items())
    }
    labels: list[NDArray[np.int64]] = []
    done = 0
    batch_size = batch_of(next(iter(heads.values())))
    for batch in dataset.batches(batch_size):
        for name, head in heads.items():
            results = programs[name].run(graph_feeds(head, batch.inputs))
            for array, output in zip(arrays[name], head.outputs, strict=True):
                array[done : done + len(batch)] = results[output][: len(batch)]
        if batch.labels is not None:
            labels.append(batch.labels)
        done += len(batch)
        report(done, len(dataset))
    classes = np.concatenate(labels) if labels else None
    found: dict[str, EncodedData] = {}
    for number, (name, written) in enumerate(arrays.items()):
        files = tuple(folder / f"{number}.{place}.npy" for place in range(len(written)))
        for array in written:
            array.flush()
        found[name] = EncodedData(files, done, classes, _key(written, classes))
    return found


def _opened(path: Path, type: TensorType, samples: int) -> "np.memmap[Any, np.dtype[np.generic]]":
    dtype = np.dtype(np.float32) if isinstance(type.element, FloatType) else type.element.dtype
    return np.lib.format.open_memmap(path, "w+", dtype, (samples, *type.shape[1:]))


def _key(arrays: "list[np.memmap[Any, Any]]", labels: NDArray[np.int64] | None) -> str:
    digest = hashlib.sha256()
    for array in (*arrays, np.zeros(0, np.int64) if labels is None else labels):
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        for row in array:
            digest.update(np.ascontiguousarray(row).tobytes())
    return digest.hexdigest()
