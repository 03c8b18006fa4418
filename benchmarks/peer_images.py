# SPDX-License-Identifier: Apache-2.0
"""The images that other people's quantizers get, in files that any Python can read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import Network
from intaglio.commands.data import open_dataset
from intaglio.commands.data.preprocessing_file import load_preprocessing
from intaglio.commands.data.preprocessing_rules import Channels, Geometry
from intaglio.commands.float_models import input_specs
from intaglio.compiler.real.load import load_model

CALIBRATION_IMAGES = 100
READING_BATCH = 50


@dataclass(frozen=True, slots=True)
class PeerImages:
    """A network's images in files, as its input takes them, and their classes."""

    files: dict[str, Path]
    labels: NDArray[np.int64]


def write_images(network: Network, folder: Path, limit: int | None) -> PeerImages:
    """Evaluation images, calibration images, and noise through the same arithmetic."""
    (spec,) = input_specs(load_model(network.path(network.model)))
    files = {name: folder / f"{name}.npy" for name in ("evaluation", "images", "noise")}

    def read(path: str, count: int | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
        dataset = open_dataset(
            network.path(path),
            inputs=[spec],
            labels=network.label_file,
            preprocessing=network.preprocessing,
            limit=count,
        )
        batches = list(dataset.batches(READING_BATCH))
        labels = [each.labels for each in batches if each.labels is not None]
        return (
            np.concatenate([each.inputs[spec.name] for each in batches]),
            np.concatenate(labels) if labels else np.zeros(0, np.int64),
        )

    images, labels = read(network.images, limit)
    np.save(files["evaluation"], images)
    np.save(files["images"], read(network.calibration, CALIBRATION_IMAGES)[0])
    rules = load_preprocessing(network.preprocessing)
    _, channels, height, width = images.shape
    pixels = np.random.default_rng(0).integers(
        0, 256, (CALIBRATION_IMAGES, height, width, channels), np.uint8
    )
    np.savez(folder / "noise.npz", inputs=pixels)
    noise = open_dataset(
        folder / "noise.npz",
        inputs=[spec],
        preprocessing=replace(rules, geometry=Geometry(Channels.AS_STORED)),
    )
    np.save(files["noise"], np.concatenate([x.inputs[spec.name] for x in noise.batches(50)]))
    return PeerImages(files, labels)
