# SPDX-License-Identifier: Apache-2.0
"""Float models from files, and data sets in the batches that they take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.commands.data import Dataset, InputSpec
from intaglio.commands.models import Shapes, is_quantized
from intaglio.compiler.real.load import load_model
from intaglio.compiler.recipes.batching import filled_up, fixed_batch
from intaglio.errors import InvalidFile


def load_float(path: Path, shapes: Shapes | None = None) -> ir.Model:
    """A float model.

    Raises:
        InvalidFile: the file can't be read, or the model is quantized already.
    """
    model = load_model(path, shapes)
    if is_quantized(model):
        raise InvalidFile(
            path, "it is quantized already", "give the float model, or go on with `intaglio lower`"
        )
    return model


def input_specs(model: ir.Model) -> tuple[InputSpec, ...]:
    """What the inputs of a real model ask of data."""
    return tuple(
        InputSpec(
            value.name or "",
            tuple(dim if isinstance(dim, int) else None for dim in value.shape or ()),
            (value.dtype or ir.DataType.FLOAT).numpy(),
        )
        for value in model.graph.inputs
    )


def batch_size(model: ir.Model, otherwise: int) -> int:
    """The batch that the model's file fixes, or the one to choose where it is open."""
    return fixed_batch(model) or otherwise


def dataset_feeds(
    model: ir.Model, dataset: Dataset, batch: int, workers: int = 0
) -> "DatasetFeeds":
    """Batches for a model: as its file fixes them, else of ``batch`` samples."""
    fixed = fixed_batch(model)
    return DatasetFeeds(dataset, fixed or batch, workers, fixed is not None)


@dataclass(frozen=True, slots=True)
class DatasetFeeds:
    """Batches as recipes take them.

    Where the model fixes its batch, the last one is filled up with samples from the front, one
    after the other. Those count again in whatever is made of the batches, such as means and the
    number of samples that a step reports, so that no sample counts twice more than another.
    """

    dataset: Dataset
    batch_size: int
    workers: int
    fixed: bool

    def __len__(self) -> int:
        """How many batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        """The batches, each an array for each input."""
        front: Mapping[str, NDArray[Any]] | None = None
        for batch in self.dataset.batches(self.batch_size, self.workers):
            front = front or batch.inputs
            missing = self.batch_size - len(batch) if self.fixed else 0
            yield {
                name: filled_up(np.asarray(array), front[name], missing)
                for name, array in batch.inputs.items()
            }
