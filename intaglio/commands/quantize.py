# SPDX-License-Identifier: Apache-2.0
"""Float ONNX in, quantized ONNX out, with calibration data or without."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.commands.data import Dataset, InputSpec, open_dataset
from intaglio.commands.evaluators import IntegerEvaluator
from intaglio.commands.input_ranges import input_ranges
from intaglio.commands.integer_side import IntegerSide
from intaglio.commands.models import Shapes, is_quantized, named
from intaglio.commands.output_files import require_writable
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import Choices, QuantizedResult, Step, load_choices, quantize
from intaglio.compiler.recipes.batching import CALIBRATION_BATCH, filled_up, fixed_batch
from intaglio.compiler.recipes.mixed_precision import Budget
from intaglio.compiler.recipes.quantize import Progress
from intaglio.compiler.recipes.width_search import WidthSearch
from intaglio.errors import InvalidFile


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
        samples: how many calibration samples there were, each counted once.
        activations: how many values are codes.
        constants: how many weights, biases and other constants are codes.
        float_bytes: size of the float model's file.
        output_bytes: size of the file.
        steps: what was done.
    """

    output: Path
    samples: int
    activations: int
    constants: int
    float_bytes: int
    output_bytes: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a user gives beside the model and the choices.

    Attributes:
        calibration: data, for choices that need it.
        input_ranges: what inputs range over, by name.
        preprocessing: of images to come, where there is no calibration data; it says what the
            inputs range over.
        shapes: dims of inputs whose file leaves more than the batch open.
        budget: what the weights may cost; their widths are then chosen layer by layer.
    """

    calibration: CalibrationSource | None = None
    input_ranges: Mapping[str, Range] = field(default_factory=dict[str, Range])
    preprocessing: str | None = None
    shapes: Shapes | None = None
    budget: Budget | None = None


NOTHING = Given()


def quantize_file(
    path: Path,
    output: Path,
    choices: Choices | None = None,
    given: Given = NOTHING,
    *,
    progress: Progress | None = None,
) -> QuantizationSummary:
    """Quantize the float model in ``path`` and write ``output``, whole or not at all.

    Args:
        path: a float ONNX model.
        output: the quantized ONNX model to write.
        choices: of a recipe, from ``load_choices``; None for ``minmax`` with calibration data, for
            ``dfq`` without.
        given: calibration data, ranges of inputs, shapes.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidFile: a file can't be read or written, or the model is quantized already.
        InvalidOption: an option doesn't fit.
        InvalidData: the data doesn't fit the model, or there is too little of it.
        UnsupportedModel: parts of the model have no integer form.
    """
    require_writable(output)
    if output.exists() and output.samefile(path):
        raise InvalidFile(output, "it is the float model itself", "name another file with -o")
    quantized = quantize_model(path, choices, given, progress=progress)
    result = quantized.result
    save_model(result.model, output)
    return QuantizationSummary(
        output=output,
        samples=quantized.samples,
        activations=len(result.plan.activations),
        constants=len(result.plan.constants),
        float_bytes=path.stat().st_size,
        output_bytes=output.stat().st_size,
        steps=result.steps,
    )


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    """A float file, quantized in memory.

    Attributes:
        source: the float model as it was loaded.
        result: what the recipe made of it.
        samples: how many calibration samples there were, each counted once.
    """

    source: ir.Model
    result: QuantizedResult
    samples: int


def quantize_model(
    path: Path,
    choices: Choices | None = None,
    given: Given = NOTHING,
    *,
    progress: Progress | None = None,
) -> QuantizedFile:
    """Quantize the float model in ``path`` as ``quantize_file`` does, and write nothing.

    Raises:
        InvalidFile: the file can't be read, or the model is quantized already.
        InvalidOption: an option doesn't fit.
        InvalidData: the data doesn't fit the model, or there is too little of it.
        UnsupportedModel: parts of the model have no integer form.
    """
    model = load_float(path, given.shapes)
    choices = choices or load_choices(default_recipe(given))
    ranges = input_ranges(model, given.input_ranges, given.preprocessing)
    data = None if given.calibration is None else _calibration(model, given.calibration)
    with named(path):
        result = quantize(
            model,
            choices,
            data=data,
            input_ranges=ranges,
            integer_side=IntegerSide(),
            widths=None if given.budget is None else WidthSearch(given.budget, IntegerEvaluator()),
            progress=progress,
        )
    return QuantizedFile(model, result, 0 if data is None else len(data.dataset))


def default_recipe(given: Given) -> str:
    """The name of the recipe where none is asked for."""
    return "dfq" if given.calibration is None else "minmax"


def _calibration(model: ir.Model, source: CalibrationSource) -> "DatasetFeeds":
    dataset = open_dataset(
        source.path,
        inputs=input_specs(model),
        labels=source.labels,
        preprocessing=source.preprocessing,
        limit=source.samples,
    )
    return dataset_feeds(model, dataset, CALIBRATION_BATCH, source.workers)


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
