# SPDX-License-Identifier: Apache-2.0
"""Open a data set: look at what is there, check all that can be checked before any work."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data.array_dataset import ArrayDataset, BoundArray
from intaglio.commands.data.image_dataset import ImageDataset
from intaglio.commands.data.image_sources import (
    FolderImages,
    ImageSource,
    NpzPixels,
    ZipImages,
    list_folder,
    list_zip,
    open_encoded,
    open_pixels,
    require_listed,
)
from intaglio.commands.data.label_file import read_label_file
from intaglio.commands.data.npz import NpzArray, read_npz, read_whole
from intaglio.commands.data.preprocessing_file import load_preprocessing, shipped_preprocessings
from intaglio.commands.data.preprocessing_rules import (
    Channels,
    Preprocessing,
    ResizeExact,
    choose_layout,
)
from intaglio.commands.data.samples import InputSpec, as_labels, select, shape_text
from intaglio.errors import InvalidData, InvalidFile, InvalidOption

Dataset = ArrayDataset | ImageDataset
"""``len(dataset)`` samples; ``dataset.batches(batch_size, workers)`` streams them."""

INPUT_NAMES = ("inputs", "input", "images", "image", "x")
LABEL_NAMES = ("labels", "label")
MAX_LABEL_BYTES = 1 << 28


def open_dataset(
    path: Path | str,
    *,
    inputs: Sequence[InputSpec],
    labels: Path | str | None = None,
    preprocessing: Preprocessing | Path | str | None = None,
    limit: int | None = None,
    skip: int = 0,
) -> Dataset:
    """Open an ``.npz``, a folder of images or a zip of images; ``docs/data.md`` has the layouts.

    Args:
        path: The file or folder.
        inputs: The model's inputs, which name the arrays and decide shapes and types.
        labels: For a folder or zip, the label file; its lines choose the images and their order.
        preprocessing: What turns images into inputs: a shipped name, a path, or the rules.
        limit: At most this many samples.
        skip: Leave out this many samples at the front.

    Raises:
        InvalidFile: for a missing, damaged or malformed file.
        InvalidData: for arrays, images or labels that don't fit the model's inputs.
        InvalidOption: for options that don't go with this data set, or leave no sample.
    """
    path = Path(path)
    rules = (
        preprocessing
        if preprocessing is None or isinstance(preprocessing, Preprocessing)
        else load_preprocessing(preprocessing)
    )
    if path.is_dir():
        names, found = _named_images(path, list_folder(path), labels)
        return _image_dataset(FolderImages(path, names), found, inputs, rules, skip, limit)
    if not path.exists():
        raise InvalidFile(path, "nothing is there", "give an .npz, a folder or a zip of images")
    if path.suffix.lower() != ".npz":
        names, found = _named_images(path, list_zip(path), labels)
        return _image_dataset(ZipImages(path, names), found, inputs, rules, skip, limit)
    if labels is not None:
        raise InvalidOption(
            "--labels",
            labels,
            f"{path} is an .npz, which brings its own labels",
            f"store them in it as {' or '.join(LABEL_NAMES)}, and leave the option out",
        )
    return _open_npz(path, inputs, rules, skip, limit)


def _open_npz(
    path: Path,
    inputs: Sequence[InputSpec],
    rules: Preprocessing | None,
    skip: int,
    limit: int | None,
) -> Dataset:
    arrays = read_npz(path)
    label_array = next((arrays[name] for name in LABEL_NAMES if name in arrays), None)
    if "jpeg" in arrays and "offset" in arrays:
        encoded = open_encoded(arrays["jpeg"], arrays["offset"])
        labels = _read_labels(label_array, len(encoded))
        return _image_dataset(encoded, labels, inputs, rules, skip, limit)
    bound = _bind(path, inputs, arrays)
    if rules is not None and len(bound) == 1:
        pixels = open_pixels(bound[0].array, rules.geometry.channels is Channels.AS_STORED)
        labels = _read_labels(label_array, len(pixels))
        return _image_dataset(pixels, labels, inputs, rules, skip, limit)
    if rules is not None:
        raise _single_input_needed(path, inputs)
    for one in bound:
        one.require_fit()
    counts = {one.array.name: one.array.shape[0] for one in bound}
    if len(set(counts.values())) != 1:
        listing = ", ".join(f"{name!r}: {count}" for name, count in counts.items())
        raise InvalidData(
            str(path),
            f"different numbers of samples ({listing})",
            "as many in each array",
            "store the inputs of the same samples",
        )
    total = bound[0].array.shape[0]
    selected = select(str(path), total, skip, limit)
    return ArrayDataset(bound, selected, _select_labels(_read_labels(label_array, total), selected))


def _bind(
    path: Path, inputs: Sequence[InputSpec], arrays: dict[str, NpzArray]
) -> tuple[BoundArray, ...]:
    others = [array for name, array in arrays.items() if name not in LABEL_NAMES]
    bound: list[BoundArray] = []
    for spec in inputs:
        names = (spec.name, *INPUT_NAMES) if len(inputs) == 1 else (spec.name,)
        array = next((arrays[name] for name in names if name in arrays), None)
        if array is None and len(inputs) == 1 and len(others) == 1:
            array = others[0]
        if array is None:
            raise InvalidData(
                str(path),
                f"arrays {', '.join(repr(name) for name in arrays) or 'none'}",
                f"one named {' or '.join(repr(name) for name in names)} for input {spec.name!r}",
                "save the input under that name",
            )
        bound.append(BoundArray(spec, array))
    return tuple(bound)


def _image_dataset(
    source: ImageSource,
    labels: NDArray[np.int64] | None,
    inputs: Sequence[InputSpec],
    rules: Preprocessing | None,
    skip: int,
    limit: int | None,
) -> ImageDataset:
    if len(inputs) != 1:
        raise _single_input_needed(source.path, inputs)
    spec = inputs[0]
    if rules is None:
        raise InvalidOption(
            "--preprocessing",
            "(none)",
            f"{source.path} holds images, which have to become input {spec.name!r} "
            f"of shape {shape_text(spec.shape)}",
            f"give a preprocessing file or one of {', '.join(shipped_preprocessings())}",
        )
    if rules.dtype is not None and rules.dtype != spec.dtype:
        raise InvalidData(
            str(source.path),
            f"dtype {rules.dtype} in the preprocessing",
            f"the type of input {spec.name!r}, {spec.dtype}",
            "leave dtype out or correct it",
        )
    if spec.dtype.kind not in "fiu":
        raise InvalidData(
            str(source.path),
            f"images for input {spec.name!r} of type {spec.dtype}",
            "an input of numbers",
            "store an .npz with the input as the model takes it",
        )
    layout = choose_layout(str(source.path), rules, spec, _sample_shape(source, rules))
    selected = select(str(source.path), len(source), skip, limit)
    return ImageDataset(source, selected, _select_labels(labels, selected), spec, rules, layout)


def _sample_shape(
    source: ImageSource, rules: Preprocessing
) -> tuple[int | None, int | None, int | None]:
    """Return height, width and channels after preprocessing, as far as known beforehand."""
    height, width, channels = None, None, 3
    if isinstance(source, NpzPixels):
        _, height, width, *last = source.array.shape
        if rules.geometry.channels is Channels.AS_STORED:
            return height, width, last[0] if last else 1
    if rules.geometry.channels is Channels.GRAY:
        channels = 1
    if rules.geometry.crop is not None:
        return rules.geometry.crop.height, rules.geometry.crop.width, channels
    match rules.geometry.resize:
        case ResizeExact(height, width):
            return height, width, channels
        case None:
            return height, width, channels
        case _:
            return None, None, channels


def _named_images(
    path: Path, listed: tuple[str, ...], labels: Path | str | None
) -> tuple[tuple[str, ...], NDArray[np.int64] | None]:
    if labels is None:
        return listed, None
    lines = read_label_file(Path(labels))
    names = tuple(line.name for line in lines)
    require_listed(path, names, listed)
    return names, np.array([line.label for line in lines], np.int64)


def _read_labels(array: NpzArray | None, count: int) -> NDArray[np.int64] | None:
    if array is None:
        return None
    return as_labels(array.source, read_whole(array, MAX_LABEL_BYTES), count)


def _select_labels(labels: NDArray[np.int64] | None, selected: range) -> NDArray[np.int64] | None:
    return None if labels is None else labels[selected.start : selected.stop]


def _single_input_needed(path: Path, inputs: Sequence[InputSpec]) -> InvalidData:
    names = ", ".join(repr(spec.name) for spec in inputs)
    return InvalidData(
        str(path),
        f"images for a model with {len(inputs)} inputs ({names})",
        "a model with one input",
        "store an .npz with an array for each input, preprocessed",
    )
