# SPDX-License-Identifier: Apache-2.0
"""Float networks reach their known accuracy on what the loader feeds them."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intaglio.commands.data import Dataset, InputSpec, open_dataset

pytestmark = pytest.mark.real

IMAGENET_INPUT = InputSpec("input", (None, 3, 224, 224), np.dtype(np.float32))
CIFAR_INPUT = InputSpec("input", (None, 3, 32, 32), np.dtype(np.float32))


def top1(model: Path, dataset: Dataset) -> float:
    ort: Any = importlib.import_module("onnxruntime")  # It has no types.
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    correct = 0
    for batch in dataset.batches(25):
        (logits,) = session.run(None, batch.inputs)
        assert batch.labels is not None
        correct += int((logits.argmax(axis=1) == batch.labels).sum())
    return correct / len(dataset)


def imagenet(folder: Path, preprocessing: str, spec: InputSpec, limit: int) -> Dataset:
    return open_dataset(
        folder / "imagenet" / "images.zip",
        inputs=[spec],
        labels=folder / "imagenet" / "labels.tsv",
        preprocessing=preprocessing,
        limit=limit,
    )


def test_mobilenet_on_a_zip_of_images(real_data: Path) -> None:
    model = real_data / "imagenet" / "mobilenet_v1_075_224_bn.onnx"
    assert top1(model, imagenet(real_data, "tf", IMAGENET_INPUT, 200)) >= 0.85


def test_squeezenet_on_bgr(real_data: Path) -> None:
    spec = InputSpec("data", (None, 3, 227, 227), np.dtype(np.float32))
    model = real_data / "imagenet" / "squeezenet10_deepcompressed.onnx"
    assert top1(model, imagenet(real_data, "caffe", spec, 200)) >= 0.61


@pytest.mark.parametrize(
    ("model", "preprocessing", "floor"),
    [
        ("cifar10/resnet20_bn.onnx", "cifar", 0.80),
        ("mlperf_tiny/ic01_resnet8_bn.onnx", "raw", 0.75),
    ],
)
def test_cifar_networks_on_encoded_images_in_an_npz(
    real_data: Path, model: str, preprocessing: str, floor: float
) -> None:
    path = real_data / "cifar10" / "test_5000_jpeg.npz"
    dataset = open_dataset(path, inputs=[CIFAR_INPUT], preprocessing=preprocessing, limit=1000)
    assert top1(real_data / model, dataset) >= floor


def test_resnet_on_pixels_in_an_npz(real_data: Path) -> None:
    path = real_data / "cifar10" / "train_2000.npz"
    dataset = open_dataset(path, inputs=[CIFAR_INPUT], preprocessing="cifar", skip=1700)
    assert len(dataset) == 300
    assert top1(real_data / "cifar10" / "resnet20_bn.onnx", dataset) >= 0.99


def test_spectra_are_scaled_as_stored(real_data: Path, tmp_path: Path) -> None:
    rules = tmp_path / "mfcc.toml"
    scale = 0.58470291
    rules.write_text(f'channels = "as-stored"\nmean = 83\nstd = {1 / scale}\n')
    spec = InputSpec("input", (None, 1, 49, 10), np.dtype(np.float32))
    path = real_data / "mlperf_tiny" / "kws01_eval.npz"
    dataset = open_dataset(path, inputs=[spec], preprocessing=rules)
    model = real_data / "mlperf_tiny" / "kws01_dscnn_qualcomm_bn.onnx"
    assert top1(model, dataset) >= 0.90


def test_workers_decode_the_same_images(real_data: Path) -> None:
    dataset = imagenet(real_data, "tf", IMAGENET_INPUT, 60)
    for alone, helped in zip(dataset.batches(25), dataset.batches(25, workers=2), strict=True):
        np.testing.assert_array_equal(alone.inputs["input"], helped.inputs["input"])
        np.testing.assert_array_equal(alone.labels, helped.labels)
