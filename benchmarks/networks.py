# SPDX-License-Identifier: Apache-2.0
"""The real networks that benchmarks measure, and the data that goes with each."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


def data_folder() -> Path:
    """The folder of real networks and images: ``$INTAGLIO_DATA``, or beside the checkout."""
    return Path(os.environ.get("INTAGLIO_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Network:
    """A float network, its evaluation images and its calibration images.

    Attributes:
        name: what the tables call it.
        model: the ONNX file.
        images: evaluation data.
        calibration: where the first 100 samples calibrate.
        preprocessing: a shipped preprocessing.
        labels: a label file, for images in a zip.
        batch: samples a run.
    """

    name: str
    model: str
    images: str
    calibration: str
    preprocessing: str
    labels: str | None = None
    batch: int = 1

    def path(self, relative: str) -> Path:
        """A file of the data folder."""
        return data_folder() / relative

    @property
    def label_file(self) -> Path | None:
        """The label file, if there is one."""
        return None if self.labels is None else self.path(self.labels)


NETWORKS = (
    Network(
        "MobileNetV1-0.75",
        "imagenet/mobilenet_v1_075_224_bn.onnx",
        "imagenet/images.zip",
        "imagenet/images.zip",
        "tf",
        "imagenet/labels.tsv",
    ),
    Network(
        "ResNet20",
        "cifar10/resnet20_bn.onnx",
        "cifar10/test_5000_jpeg.npz",
        "cifar10/train_2000.npz",
        "cifar",
        batch=10,
    ),
    Network(
        "ResNet8",
        "mlperf_tiny/ic01_resnet8_bn.onnx",
        "cifar10/test_5000_jpeg.npz",
        "cifar10/train_2000.npz",
        "raw",
        batch=10,
    ),
)

TFLITE_NETWORKS = {
    "ResNet8 (MLPerf)": "mlperf_tiny/ic01_resnet8_int8.tflite",
    "Visual wake words": "mlperf_tiny/vww01_int8.tflite",
    "Keyword spotting": "mlperf_tiny/kws01_int8.tflite",
    "Streaming wake word": "mlperf_tiny/sww01_int8.tflite",
    "Anomaly detection": "mlperf_tiny/ad01_int8.tflite",
    "MobileNetV1-0.25 128": "tflite/coral_mobilenet_v1_0.25_128_quant.tflite",
    "MobileNetV1-0.5 160": "tflite/coral_mobilenet_v1_0.5_160_quant.tflite",
    "MobileNetV2-1.0 224": "tflite/coral_tf2_mobilenet_v2_1.0_224_ptq.tflite",
    "Person detection": "tflite/tflm_person_detect.tflite",
}
"""Networks that come quantized, by what the tables call them."""
