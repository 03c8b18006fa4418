# SPDX-License-Identifier: Apache-2.0
"""What is held against each other, and on what: from files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from intaglio.commands.data import InputSpec, open_dataset
from intaglio.commands.diagnose.comparability import foreign_layers
from intaglio.commands.diagnose.diagnosing import Subject
from intaglio.commands.diagnose.quantized_network import Activation, read_quantized
from intaglio.commands.float_models import batch_size, dataset_feeds, input_specs, load_float
from intaglio.commands.models import Shapes, load_onnx
from intaglio.commands.quantize import NOTHING, Given, quantize_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.recipes import Choices
from intaglio.compiler.recipes.batching import in_batches
from intaglio.compiler.recipes.quantize import Progress
from intaglio.errors import InvalidData, InvalidFile


def quantized_here(
    path: Path,
    choices: Choices | None = None,
    given: Given = NOTHING,
    *,
    progress: Progress | None = None,
) -> Subject:
    """Quantize a float file as ``intaglio quantize`` does, without writing anything.

    Raises:
        InvalidFile, InvalidOption, InvalidData, UnsupportedModel: as ``quantize_model`` does.
    """
    found = quantize_model(path, choices, given, progress=progress)
    result, original = found.result, normalize(found.source)
    made = None if result.synthetic is None else result.synthetic.inputs
    return Subject(path.name, original, result.normalized, result.model, made=made)


def quantized_before(path: Path, quantized: Path, shapes: Shapes | None = None) -> Subject:
    """A float file and the QDQ file that was made of it.

    Values inside are comparable where every stored constant is the float one, rounded.

    Raises:
        InvalidFile: a file can't be read or isn't of its kind, or their interfaces differ.
        UnsupportedModel: the float model has parts without an integer form.
    """
    original = normalize(load_float(path, shapes))
    model = load_onnx(quantized, shapes)
    network = read_quantized(model)
    if not network.activations:
        raise InvalidFile(
            quantized,
            "it holds no QuantizeLinear of an activation",
            "give a file in QDQ form, such as `intaglio quantize` writes",
        )
    for kind in ("inputs", "outputs"):
        ours, theirs = (_names(m, kind) for m in (original, model))
        if ours != theirs:
            raise InvalidFile(
                quantized,
                f"its {kind} are {', '.join(theirs)}, those of {path} {', '.join(ours)}",
                "give the float model that it was made of",
            )
    foreign = list(foreign_layers(original, network))
    if not foreign:
        return Subject(path.name, original, original, model)
    layer, reason = foreign[0]
    remark = (
        f"{len(foreign)} of {len(network.layers)} layers of {quantized.name} aren't those of "
        f"{path.name} rounded (first {layer.node}: {reason}), so values inside the networks aren't "
        "compared; leave the quantized file out and name its recipe to see them"
    )
    return Subject(path.name, original, None, model, (remark,))


def _names(model: ir.Model, kind: str) -> list[str]:
    values = model.graph.inputs if kind == "inputs" else model.graph.outputs
    return [value.name or "" for value in values]


@dataclass(frozen=True, slots=True)
class DataSource:
    """What is measured on.

    Attributes:
        path: an ``.npz``, a folder or a zip of images (``docs/data.md``); None for what the
            recipe made, and for noise where it made nothing.
        labels: a label file, which chooses the images.
        preprocessing: a shipped name or a TOML file.
        limit: at most this many samples, and as many where they are noise.
        seed: of the noise.
        workers: processes that decode images.
    """

    path: Path | None
    labels: Path | None = None
    preprocessing: str | None = None
    limit: int = 32
    seed: int = 0
    workers: int = 0


def batches(subject: Subject, source: DataSource) -> list[Feeds]:
    """The samples, one by one, or in batches of the size that the model fixes.

    Noise is uniform over the reals that the codes of each input stand for.

    Raises:
        InvalidFile, InvalidOption: as ``open_dataset`` does.
        InvalidData: the data doesn't fit, or noise is asked of an input that isn't float.
    """
    specs, size = input_specs(subject.original), batch_size(subject.original, 1)
    if source.path is not None:
        dataset = open_dataset(
            source.path,
            inputs=specs,
            labels=source.labels,
            preprocessing=source.preprocessing,
            limit=source.limit,
        )
        return list(dataset_feeds(subject.original, dataset, 1, source.workers))
    if subject.made is not None:
        chosen = {name: array[: source.limit] for name, array in subject.made.items()}
        return in_batches(subject.original, chosen, size)
    codes = {one.name: one for one in read_quantized(subject.quantized).activations}
    random = np.random.default_rng(source.seed)
    return [_noise(specs, size, codes, random) for _ in range(-(-source.limit // size))]


def _noise(
    specs: Sequence[InputSpec],
    size: int,
    codes: dict[str, Activation],
    random: np.random.Generator,
) -> Feeds:
    feeds: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    for spec in specs:
        if spec.dtype != np.float32:
            raise InvalidData(
                f"input {spec.name}", f"numbers of type {spec.dtype}", "float32", "give --data"
            )
        low, high = -1.0, 1.0
        if spec.name in codes:
            parameters = codes[spec.name].parameters
            ends = np.array([parameters.encoding.minimum, parameters.encoding.maximum])
            low, high = parameters.dequantize(ends).tolist()
        shape = [size if dim is None else dim for dim in spec.shape]
        feeds[spec.name] = random.uniform(low, high, shape).astype(np.float32)
    return feeds
