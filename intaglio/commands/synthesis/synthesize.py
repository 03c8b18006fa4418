# SPDX-License-Identifier: Apache-2.0
"""Float ONNX in, data that was made from it out."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from intaglio.commands.float_models import load_float
from intaglio.commands.input_ranges import input_ranges
from intaglio.commands.models import named
from intaglio.commands.output_files import require_apart
from intaglio.commands.quantize import NOTHING, Given
from intaglio.commands.synthesis.saving import SavedSet, require_savable, save_set
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.recipes import Choices, load_choices
from intaglio.compiler.recipes.known_inputs import know_inputs
from intaglio.compiler.recipes.quantize import Progress
from intaglio.compiler.recipes.recipe_files import data_making_presets
from intaglio.compiler.recipes.synthetic_data import make_data, synthesis_step
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True, eq=False)
class Synthesis:
    """What was made.

    Attributes:
        recipe: whose choices made it.
        made: the set.
        did: what was done, in a few words.
        saved: the files.
        seconds: that making it took.
    """

    recipe: str
    made: SyntheticSet
    did: str
    saved: SavedSet
    seconds: float


def default_source(path: Path, given: Given = NOTHING) -> str:
    """The recipe that suits a network: ``dsg`` where it has BatchNormalizations, else ``gzsq``.

    Raises:
        InvalidFile: the file can't be read, or the model is quantized already.
    """
    model = load_float(path, given.shapes)
    normalizes = any(node.op_type == "BatchNormalization" for node in model.graph)
    return "dsg" if normalizes else "gzsq"


def synthesize_file(
    path: Path,
    output: Path,
    recipe: str | None = None,
    choices: Choices | None = None,
    given: Given = NOTHING,
    *,
    progress: Progress | None = None,
) -> Synthesis:
    """Make data from the float model in ``path`` and write it to ``output``, whole or not at all.

    Args:
        path: a float ONNX model.
        output: the ``.npz`` to write; a contact sheet stands beside it.
        recipe: the name of the choices; None for that of ``default_source``.
        choices: of a recipe that makes data; None for those of ``recipe``.
        given: ranges of inputs, preprocessing, shapes.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidFile: a file can't be read or written, or the model is quantized already.
        InvalidOption: an option doesn't fit, or the choices make no data.
        InvalidData: the network has nothing to make such data from.
        UnsupportedModel: parts of the model have no integer form.
    """
    require_savable("--output", output)
    require_apart(output, path)
    recipe = recipe or default_source(path, given)
    choices = choices or load_choices(recipe)
    if not choices.synthesizes:
        raise InvalidOption(
            "--recipe",
            recipe,
            "it makes no data",
            f"choose {', '.join(data_making_presets())}, or --set synthesis=batch-norm",
        )
    model = load_float(path, given.shapes)
    stated = input_ranges(model, given.input_ranges, given.preprocessing)
    start = perf_counter()
    with named(path):
        inputs = know_inputs(normalize(model), stated, None)
        made = make_data(model, choices.synthetic, inputs, progress or _say_nothing)
    seconds = perf_counter() - start
    saved = save_set(made, output, inputs.ranges, given.preprocessing)
    return Synthesis(recipe, made, synthesis_step(made).summary, saved, seconds)


def _say_nothing(doing: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
