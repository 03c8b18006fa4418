# SPDX-License-Identifier: Apache-2.0
"""Float ONNX and calibration data in, quantized ONNX out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.commands.batches import pad_batch
from intaglio.commands.data import Dataset, InputSpec, open_dataset
from intaglio.commands.models import Shapes, is_quantized, named
from intaglio.commands.output_files import require_writable
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import find_recipe
from intaglio.compiler.recipes.result import QuantizedResult
from intaglio.errors import InvalidFile

Progress = Callable[[int, int | None], None]

CALIBRATION_BATCH = 8


@dataclass(frozen=True, slots=True)
class CalibrationSource:
    """Where calibration data comes from.

    Attributes:
        path: an ``.npz``, a folder or a zip of images (``docs/data.md``).
        labels: a label file, which chooses the images.
        preprocessing: a shipped name or a TOML file.
        samples: at most this many.
        workers: processes that decode images.
    """

    path: Path
    labels: Path | None = None
    preprocessing: str | None = None
    samples: int = 100
    workers: int = 0


@dataclass(frozen=True, slots=True)
class QuantizationSummary:
    """What was written.

    Attributes:
        output: the file.
        recipe: how ranges were found.
        samples: how many calibration samples were used.
        activations: how many values are codes.
        constants: how many weights, biases and other constants are codes.
        float_bytes: size of the float model's file.
        output_bytes: size of the file.
    """

    output: Path
    recipe: str
    samples: int
    activations: int
    constants: int
    float_bytes: int
    output_bytes: int


def quantize_file(
    path: Path,
    output: Path,
    calibration: CalibrationSource,
    options: QuantizationOptions,
    *,
    recipe: str = "minmax",
    shapes: Shapes | None = None,
    progress: Progress | None = None,
) -> QuantizationSummary:
    """Quantize the float model in ``path`` and write ``output``, whole or not at all.

    Args:
        path: a float ONNX model.
        output: the quantized ONNX model to write.
        calibration: the data that shows the ranges.
        options: widths, signs, granularity.
        recipe: a name of ``intaglio.compiler.recipes.RECIPES``.
        shapes: dims of inputs whose file leaves more than the batch open.
        progress: called with batches done and their total.

    Raises:
        InvalidFile: a file can't be read or written, or the model is quantized already.
        InvalidOption: there is no such recipe, or an option doesn't fit.
        InvalidData: the data doesn't fit the model.
        UnsupportedModel: parts of the model have no integer form.
    """
    require_writable(output)
    quantized = quantize_model(
        path, calibration, options, recipe=recipe, shapes=shapes, progress=progress
    )
    result = quantized.result
    save_model(result.model, output)
    return QuantizationSummary(
        output=output,
        recipe=recipe,
        samples=quantized.samples,
        activations=len(result.plan.activations),
        constants=len(result.plan.constants),
        float_bytes=path.stat().st_size,
        output_bytes=output.stat().st_size,
    )


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    """A float file, quantized in memory.

    Attributes:
        source: the float model as it was loaded.
        result: what the recipe made of it.
        samples: how many calibration samples were used.
    """

    source: ir.Model
    result: QuantizedResult
    samples: int


def quantize_model(
    path: Path,
    calibration: CalibrationSource,
    options: QuantizationOptions,
    *,
    recipe: str = "minmax",
    shapes: Shapes | None = None,
    progress: Progress | None = None,
) -> QuantizedFile:
    """Quantize the float model in ``path`` as ``quantize_file`` does, and write nothing.

    Raises:
        InvalidFile: the file can't be read, or the model is quantized already.
        InvalidOption: there is no such recipe, or an option doesn't fit.
        InvalidData: the data doesn't fit the model.
        UnsupportedModel: parts of the model have no integer form.
    """
    quantizer = find_recipe(recipe)
    model = load_float(path, shapes)
    dataset = open_dataset(
        calibration.path,
        inputs=input_specs(model),
        labels=calibration.labels,
        preprocessing=calibration.preprocessing,
        limit=calibration.samples,
    )
    batches = DatasetFeeds(dataset, batch_size(model, CALIBRATION_BATCH), calibration.workers)
    with named(path):
        result = quantizer(model, batches, options, progress)
    return QuantizedFile(model, result, len(dataset))


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
    fixed = [spec.shape[0] for spec in input_specs(model) if spec.shape and spec.shape[0]]
    return fixed[0] or otherwise if fixed else otherwise


@dataclass(frozen=True, slots=True)
class DatasetFeeds:
    """Batches as recipes take them.

    The last one is filled up with its last sample: a model may fix its batch, and a range doesn't
    depend on how often a sample is seen.
    """

    dataset: Dataset
    batch_size: int
    workers: int

    def __len__(self) -> int:
        """How many batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        """The batches, each an array for each input."""
        for batch in self.dataset.batches(self.batch_size, self.workers):
            yield {
                name: np.asarray(pad_batch(array, self.batch_size))
                for name, array in batch.inputs.items()
            }
