# SPDX-License-Identifier: Apache-2.0
"""Float ONNX in, quantized ONNX out, with calibration data or without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx_ir as ir

from intaglio.commands.data import open_dataset
from intaglio.commands.evaluators import IntegerEvaluator
from intaglio.commands.float_models import (
    DatasetFeeds,
    dataset_feeds,
    input_specs,
    load_float,
)
from intaglio.commands.input_ranges import input_ranges
from intaglio.commands.integer_side import IntegerSide
from intaglio.commands.models import Shapes, named
from intaglio.commands.output_files import require_apart, require_writable
from intaglio.commands.synthesis.saving import SavedSet, require_savable, save_set
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import Choices, QuantizedResult, Step, load_choices, quantize
from intaglio.compiler.recipes.batching import CALIBRATION_BATCH
from intaglio.compiler.recipes.mixed_precision import Budget
from intaglio.compiler.recipes.quantize import Progress
from intaglio.compiler.recipes.recipe_files import data_making_presets
from intaglio.compiler.recipes.width_search import WidthSearch
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidOption


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
        made: whether the samples were made from the network.
        saved: where they were written, if they were.
    """

    output: Path
    samples: int
    activations: int
    constants: int
    float_bytes: int
    output_bytes: int
    steps: tuple[Step, ...]
    made: bool = False
    saved: SavedSet | None = None


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
    save_data: Path | None = None,
    progress: Progress | None = None,
) -> QuantizationSummary:
    """Quantize the float model in ``path`` and write ``output``, whole or not at all.

    Args:
        path: a float ONNX model.
        output: the quantized ONNX model to write.
        choices: of a recipe, from ``load_choices``; None for ``minmax`` with calibration data, for
            ``dfq`` without.
        given: calibration data, ranges of inputs, shapes.
        save_data: the ``.npz`` for data that the recipe makes; it stays where quantizing fails.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidFile: a file can't be read or written, or the model is quantized already.
        InvalidOption: an option doesn't fit.
        InvalidData: the data doesn't fit the model, or there is too little of it.
        UnsupportedModel: parts of the model have no integer form.
    """
    require_writable(output)
    require_apart(output, path)
    if save_data is not None and save_data.resolve() == output.resolve():
        raise InvalidOption("--save-data", save_data, "it is the output too", "name another file")
    quantized = quantize_model(path, choices, given, save_data=save_data, progress=progress)
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
        made=result.synthetic is not None,
        saved=quantized.saved,
    )


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    """A float file, quantized in memory.

    Attributes:
        source: the float model as it was loaded.
        result: what the recipe made of it.
        samples: how many calibration samples there were, each counted once.
        saved: where data that the recipe made was written.
    """

    source: ir.Model
    result: QuantizedResult
    samples: int
    saved: SavedSet | None = None


def quantize_model(
    path: Path,
    choices: Choices | None = None,
    given: Given = NOTHING,
    *,
    save_data: Path | None = None,
    progress: Progress | None = None,
) -> QuantizedFile:
    """Quantize the float model in ``path`` as ``quantize_file`` does, and write no model.

    Raises:
        InvalidFile: the file can't be read, or the model is quantized already.
        InvalidOption: an option doesn't fit.
        InvalidData: the data doesn't fit the model, or there is too little of it.
        UnsupportedModel: parts of the model have no integer form.
    """
    choices = choices or load_choices(default_recipe(given))
    if save_data is not None:
        _require_made(choices, save_data)
        require_apart(save_data, path)
    model = load_float(path, given.shapes)
    ranges = input_ranges(model, given.input_ranges, given.preprocessing)
    data = None if given.calibration is None else _calibration(model, given.calibration)
    saved: list[SavedSet] = []

    def keep(made: SyntheticSet, inputs: Mapping[str, Range]) -> None:
        if save_data is not None:
            saved.append(save_set(made, save_data, inputs, given.preprocessing))

    with named(path):
        result = quantize(
            model,
            choices,
            data=data,
            input_ranges=ranges,
            integer_side=IntegerSide(),
            widths=None if given.budget is None else WidthSearch(given.budget, IntegerEvaluator()),
            progress=progress,
            keep=keep,
        )
    samples = 0 if data is None else len(data.dataset)
    if result.synthetic is not None:
        samples = result.synthetic.samples
    return QuantizedFile(model, result, samples, saved[0] if saved else None)


def _require_made(choices: Choices, save_data: Path) -> None:
    if not choices.synthesizes:
        raise InvalidOption(
            "--save-data",
            save_data,
            "the recipe makes no data",
            f"leave it out, or choose --recipe {', '.join(data_making_presets())}",
        )
    require_savable("--save-data", save_data)


def default_recipe(given: Given) -> str:
    """The name of the recipe where none is asked for."""
    return "dfq" if given.calibration is None else "minmax"


def _calibration(model: ir.Model, source: CalibrationSource) -> DatasetFeeds:
    dataset = open_dataset(
        source.path,
        inputs=input_specs(model),
        labels=source.labels,
        preprocessing=source.preprocessing,
        limit=source.samples,
    )
    return dataset_feeds(model, dataset, CALIBRATION_BATCH, source.workers)
