# SPDX-License-Identifier: Apache-2.0
"""The networks that ARM processors are measured on, what feeds them, and the peers' figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.networks import data_folder
from intaglio.commands.batches import graph_specs
from intaglio.commands.data import InputSpec, Preprocessing, load_preprocessing, open_dataset
from intaglio.commands.data.preprocessing_rules import Crop, Geometry, ResizeShortSide
from intaglio.commands.verify import Feeds, dataset_feeds, random_feeds
from intaglio.compiler.ir.graph import Array, Graph

AARCH64, M4, M55 = "aarch64+dotprod+i8mm", "cortex-m4", "cortex-m55"

PEERS: Mapping[str, str] = {AARCH64: "LiteRT XNNPACK", M4: "CMSIS-NN", M55: "CMSIS-NN"}


@dataclass(frozen=True, slots=True)
class Case:
    """A quantized network, its data, and what the peers execute for one inference.

    The peers' instructions were counted under QEMU 7.2 by a plugin like ours: LiteRT 2.3 with
    XNNPACK and one thread on ``-cpu max,sve=off``, the Python call left out; CMSIS-NN 7 (-O3, two
    roundings) as the sum of all layers on ``mps2-an386`` and ``mps3-an547``, without interpreter.

    Attributes:
        name: what the tables call it.
        file: the ``.tflite`` file in the data folder.
        peers: instructions by target; a target that isn't named isn't measured.
        data: samples in the data folder; None for random codes.
        preprocessing: what makes real inputs of images; None where the data holds codes.
        labels: a label file, for images in a zip.
    """

    name: str
    file: str
    peers: Mapping[str, int]
    data: str | None = None
    preprocessing: Preprocessing | str | None = None
    labels: str | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return data_folder() / self.file

    def feeds(self, graph: Graph, samples: int) -> Feeds:
        """Inputs of the fixed graph: codes of real samples, or random ones."""
        if self.data is None or not (data_folder() / self.data).exists():
            return random_feeds(graph, samples, seed=0)
        specs = graph_specs(graph)
        if self.preprocessing is not None:
            specs = tuple(InputSpec(s.name, s.shape, np.dtype(np.float32)) for s in specs)
        dataset = open_dataset(
            data_folder() / self.data,
            inputs=specs,
            preprocessing=self._rules(),
            labels=None if self.labels is None else data_folder() / self.labels,
            limit=samples,
        )
        feeds = dataset_feeds(graph, dataset, self.data)
        if self.preprocessing is None:
            return feeds
        runs = [
            {given.name: _codes(graph, given.name, run[given.name]) for given in graph.inputs}
            for run in feeds.runs
        ]
        return Feeds(feeds.source, runs, feeds.samples, random=False)

    def _rules(self) -> Preprocessing | None:
        rules = self.preprocessing
        return load_preprocessing(rules) if isinstance(rules, str) else rules


def _codes(graph: Graph, name: str, reals: Array) -> Array:
    """The codes that stand for real inputs."""
    type = graph.type_of(name)
    quantization = type.quantization
    if quantization is None:
        raise ValueError(f"{name} has no scale")
    codes: npt.NDArray[np.float64]
    codes = np.rint(reals.astype(np.float64) / quantization.scale.value) + quantization.zero_point
    low, high = type.integer.minimum, type.integer.maximum
    saturated: Array = np.clip(codes, low, high).astype(type.integer.dtype)
    return saturated


_PIXELS = Preprocessing()
_SMALL = Preprocessing(Geometry(resize=ResizeShortSide(96), crop=Crop(96, 96)), divisor=255.0)

CASES = (
    Case(
        "ResNet8",
        "mlperf_tiny/ic01_resnet8_int8.tflite",
        {AARCH64: 1_256_622, M4: 29_719_901, M55: 4_808_048},
        "cifar10/test_5000_jpeg.npz",
        _PIXELS,
    ),
    Case(
        "Visual wake words",
        "mlperf_tiny/vww01_int8.tflite",
        {AARCH64: 1_904_324, M4: 24_223_200, M55: 6_423_266},
        "imagenet/images.zip",
        _SMALL,
        "imagenet/labels.tsv",
    ),
    Case(
        "Keyword spotting",
        "mlperf_tiny/kws01_int8.tflite",
        {AARCH64: 737_436, M4: 7_686_231, M55: 1_785_004},
        "mlperf_tiny/kws01_eval.npz",
    ),
    Case(
        "Anomaly detection",
        "mlperf_tiny/ad01_int8.tflite",
        {AARCH64: 45_472, M4: 579_104, M55: 146_860},
    ),
    Case(
        "MobileNetV2-1.0 224",
        "tflite/coral_tf2_mobilenet_v2_1.0_224_ptq.tflite",
        {AARCH64: 44_498_140},
        "imagenet/images.zip",
        "tf",
        "imagenet/labels.tsv",
    ),
)
