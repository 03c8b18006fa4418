# SPDX-License-Identifier: Apache-2.0
"""The shared float networks, and samples for each: its own data, or noise where none fits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from intaglio.commands.data import Dataset, InputSpec, Preprocessing, open_dataset
from intaglio.commands.data.preprocessing_rules import Channels, Geometry
from intaglio.commands.float_models import input_specs
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Feeds

SPECTRUM_SCALE = 0.58470291


@dataclass(frozen=True, slots=True)
class Samples:
    """Where samples come from, in the words of ``open_dataset``."""

    path: str
    preprocessing: str | Preprocessing
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A float model and its data; without any, it is fed noise."""

    file: str
    samples: Samples | None = None

    def load(self, folder: Path) -> ir.Model:
        """The float model."""
        return load_model(folder / self.file)

    def feeds(self, folder: Path, model: ir.Model, count: int, skip: int = 0) -> Iterator[Feeds]:
        """Samples, one by one, from the ``skip``th on."""
        specs = input_specs(model)
        if self.samples is None:
            for index in range(skip, skip + count):
                random = np.random.default_rng(index)
                yield {
                    spec.name: random.standard_normal([d or 1 for d in spec.shape], np.float32)
                    for spec in specs
                }
            return
        for batch in self._dataset(folder, specs, self.samples, count, skip).batches(1):
            yield batch.inputs

    def labelled(self, folder: Path, model: ir.Model, count: int) -> Iterator[tuple[Feeds, int]]:
        """The first samples with their classes."""
        assert self.samples is not None
        dataset = self._dataset(folder, input_specs(model), self.samples, count, 0)
        for batch in dataset.batches(1):
            assert batch.labels is not None
            yield batch.inputs, int(batch.labels[0])

    def _dataset(
        self, folder: Path, specs: Sequence[InputSpec], samples: Samples, count: int, skip: int
    ) -> Dataset:
        return open_dataset(
            folder / samples.path,
            inputs=specs,
            labels=None if samples.labels is None else folder / samples.labels,
            preprocessing=samples.preprocessing,
            limit=count,
            skip=skip,
        )


def _photographs(preprocessing: str) -> Samples:
    return Samples("imagenet/images.zip", preprocessing, "imagenet/labels.tsv")


_SPECTRA = Samples(
    "mlperf_tiny/kws01_eval.npz",
    Preprocessing(Geometry(channels=Channels.AS_STORED), mean=(83.0,), std=(1 / SPECTRUM_SCALE,)),
)

NETWORKS = {
    "mobilenet_v1_025": Network("imagenet/mobilenet_v1_025_224_bn.onnx", _photographs("tf")),
    "mobilenet_v1_075": Network("imagenet/mobilenet_v1_075_224_bn.onnx", _photographs("tf")),
    "squeezenet": Network("imagenet/squeezenet10_deepcompressed.onnx", _photographs("caffe")),
    "resnet20": Network("cifar10/resnet20_bn.onnx", Samples("cifar10/test_5000_jpeg.npz", "cifar")),
    "resnet32": Network("cifar10/resnet32_bn.onnx", Samples("cifar10/test_5000_jpeg.npz", "cifar")),
    "resnet8": Network(
        "mlperf_tiny/ic01_resnet8_bn.onnx", Samples("cifar10/test_5000_jpeg.npz", "raw")
    ),
    "keywords": Network("mlperf_tiny/kws01_dscnn_qualcomm_bn.onnx", _SPECTRA),
    "visual_wake_words": Network("mlperf_tiny/vww01_bn.onnx"),
    "anomalies": Network("mlperf_tiny/ad01_bn.onnx"),
}
