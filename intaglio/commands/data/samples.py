# SPDX-License-Identifier: Apache-2.0
"""What every data set yields, and what a model's input asks of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData, InvalidOption


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of the model: its name, its shape with the batch first, its element type.

    A dimension that the model leaves open is ``None``; the batch is whatever the caller feeds.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]

    def accepts(self, sample_shape: tuple[int | None, ...]) -> bool:
        """Whether samples of this shape (batch left out, ``None`` for unknown) can be fed."""
        wanted = self.shape[1:]
        return len(wanted) == len(sample_shape) and all(
            ours is None or theirs is None or ours == theirs
            for ours, theirs in zip(wanted, sample_shape, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples in order: ``inputs[name]`` is ``[n, …]``, ``labels`` is int64 ``[n]`` or absent."""

    inputs: dict[str, NDArray[Any]]
    labels: NDArray[np.int64] | None

    def __len__(self) -> int:
        """How many samples the batch holds."""
        return len(next(iter(self.inputs.values())))


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Write a shape for a message: ``[?, 3, 224, 224]``, ``?`` where a dimension is open."""
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def select(source: str, total: int, skip: int, limit: int | None) -> range:
    """Return the indices that remain of ``total`` after ``skip``, at most ``limit`` of them.

    Raises:
        InvalidData: if the source holds no sample at all.
        InvalidOption: if ``skip`` or ``limit`` leaves nothing.
    """
    if total == 0:
        raise InvalidData(source, "no sample", "at least one", "point to a data set with samples")
    if skip < 0 or skip >= total:
        raise InvalidOption(
            "--skip", skip, f"{source} holds {total} samples", f"use 0 to {total - 1}"
        )
    if limit is not None and limit < 1:
        raise InvalidOption("--limit", limit, "no sample would be left", "use 1 or more")
    return range(skip, total if limit is None else min(total, skip + limit))


def require_positive_batch(batch_size: int) -> None:
    """Refuse a batch without samples.

    Raises:
        InvalidOption: if ``batch_size`` is less than one.
    """
    if batch_size < 1:
        raise InvalidOption("--batch", batch_size, "a batch needs a sample", "use 1 or more")


def as_labels(source: str, values: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return class labels ``[count]`` as int64.

    Raises:
        InvalidData: if they are not one non-negative integer a sample.
    """
    flat = values.reshape(-1) if values.shape == (count, 1) else values
    if flat.shape != (count,) or flat.dtype.kind not in "iu":
        raise InvalidData(
            source,
            f"labels of shape {shape_text(values.shape)} and type {values.dtype}",
            f"one integer class a sample, shape [{count}]",
            "store the class index of each sample (argmax of one-hot rows)",
        )
    bad = np.flatnonzero((flat < 0) | (flat > np.iinfo(np.int64).max))
    if bad.size:
        raise InvalidData(
            source,
            f"label {flat[bad[0]]} at sample {bad[0]}",
            "a class index of 0 or more",
            "correct the label or leave the sample out",
        )
    return flat.astype(np.int64)
