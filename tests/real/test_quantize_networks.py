# SPDX-License-Identifier: Apache-2.0
"""The min-max recipe on real networks: accuracy, fusion in ONNX Runtime, and exact float folds."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from numpy.typing import NDArray
from PIL import Image

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Feeds, Session, parse
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes.minmax import quantize_minmax

pytestmark = pytest.mark.real

Images = NDArray[np.float32]
Batches = Iterator[tuple[Feeds, NDArray[Any]]]

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32).reshape(3, 1, 1)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32).reshape(3, 1, 1)


def decode(data: bytes, crop: int) -> Images:
    """The centre of an image, channels first, 0 to 255."""
    with Image.open(io.BytesIO(data)) as image:
        left, top = (image.width - crop) // 2, (image.height - crop) // 2
        pixels = np.asarray(image.convert("RGB").crop((left, top, left + crop, top + crop)))
    return pixels.transpose(2, 0, 1).astype(np.float32)


def imagenet(folder: Path, limit: int) -> Batches:
    with (
        zipfile.ZipFile(folder / "imagenet" / "images.zip") as images,
        (folder / "imagenet" / "labels.tsv").open() as table,
    ):
        rows = list(csv.DictReader(table, delimiter="\t"))[:limit]
        for start in range(0, len(rows), 10):
            batch = rows[start : start + 10]
            pixels = np.stack([decode(images.read(row["file"]), 224) for row in batch])
            yield {"input": pixels / 127.5 - 1}, np.array([int(row["class"]) for row in batch])


def cifar(folder: Path, limit: int, prepare: Callable[[Images], Images]) -> Batches:
    with np.load(folder / "cifar10" / "test_5000_jpeg.npz") as data:
        jpeg, offset, label = data["jpeg"].tobytes(), data["offset"], data["label"]
    ends = [*offset[1:], len(jpeg)]
    for start in range(0, limit, 50):
        places = range(start, start + 50)
        pixels = [decode(jpeg[offset[i] : ends[i]], 32) for i in places]
        yield {"input": prepare(np.stack(pixels))}, label[start : start + 50]


def cifar_training(folder: Path, prepare: Callable[[Images], Images]) -> Iterator[Feeds]:
    with np.load(folder / "cifar10" / "train_2000.npz") as data:
        pixels = data["image"][:100].transpose(0, 3, 1, 2).astype(np.float32)
    for start in range(0, 100, 10):
        yield {"input": prepare(pixels[start : start + 10])}


def raw(pixels: Images) -> Images:
    return pixels


def standardized(pixels: Images) -> Images:
    return ((pixels / 255 - MEAN) / STD).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Case:
    """A network, its data, and what is expected of it."""

    file: str
    calibration: Callable[[Path], Iterator[Feeds]]
    evaluation: Callable[[Path], Batches]
    float_accuracy: float
    allowed_loss: float
    fused: dict[str, int]


ENDS = {"QuantizeLinear": 1, "DequantizeLinear": 1, "Flatten": 1}

CASES = {
    "mobilenet_v1_075": Case(
        "imagenet/mobilenet_v1_075_224_bn.onnx",
        lambda folder: (feeds for feeds, _ in imagenet(folder, 100)),
        lambda folder: imagenet(folder, 500),
        0.852,
        0.03,
        {**ENDS, "QLinearConv": 28, "QLinearGlobalAveragePool": 1},
    ),
    "resnet20": Case(
        "cifar10/resnet20_bn.onnx",
        lambda folder: cifar_training(folder, standardized),
        lambda folder: cifar(folder, 2000, standardized),
        0.81,
        0.01,
        # Zero padding of channels is the one operation without an integer kernel.
        {**ENDS, "QuantizeLinear": 3, "DequantizeLinear": 3, "Pad": 2, "Slice": 2}
        | {"QLinearConv": 19, "QLinearAdd": 9, "QLinearGlobalAveragePool": 1, "QGemm": 1},
    ),
    "resnet8": Case(
        "mlperf_tiny/ic01_resnet8_bn.onnx",
        lambda folder: cifar_training(folder, raw),
        lambda folder: cifar(folder, 2000, raw),
        0.755,
        0.01,
        {**ENDS, "QLinearConv": 9, "QLinearAdd": 3, "QLinearAveragePool": 1, "QGemm": 1},
    ),
}


def accuracy(session: Session, batches: Batches) -> float:
    right = total = 0
    for feeds, labels in batches:
        (scores,) = session.run(feeds).values()
        right += int((scores.argmax(axis=1) == labels).sum())
        total += len(labels)
    return right / total


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_minmax_per_channel_8_bits(name: str, real_data: Path, tmp_path: Path) -> None:
    case = CASES[name]
    model = load_model(real_data / case.file)
    result = quantize_minmax(model, case.calibration(real_data), QuantizationOptions())
    path, optimized = tmp_path / "quantized.onnx", tmp_path / "optimized.onnx"
    save_model(result.model, path)
    session = Session(load_model(path), optimized_path=optimized)
    assert Counter(n.op_type for n in parse(optimized.read_bytes()).graph.node) == case.fused
    real = accuracy(Session(model), case.evaluation(real_data))
    quantized = accuracy(session, case.evaluation(real_data))
    print(f"{name}: float {real:.4f}, quantized {quantized:.4f}")
    assert real == pytest.approx(case.float_accuracy, abs=0.02)
    assert quantized >= real - case.allowed_loss


NETWORKS = (
    *("cifar10/resnet20_bn.onnx", "cifar10/resnet32_bn.onnx"),
    *("imagenet/mobilenet_v1_025_224_bn.onnx", "imagenet/mobilenet_v1_075_224_bn.onnx"),
    *("imagenet/squeezenet10_deepcompressed.onnx", "mlperf_tiny/ad01_bn.onnx"),
    *("mlperf_tiny/ic01_resnet8_bn.onnx", "mlperf_tiny/kws01_dscnn_qualcomm_bn.onnx"),
    "mlperf_tiny/vww01_bn.onnx",
)


@pytest.mark.parametrize("file", NETWORKS)
def test_normalization_keeps_the_function(file: str, real_data: Path) -> None:
    model = load_model(real_data / file)
    normalized = normalize(model)
    ops = {node.op_type for node in normalized.graph}
    assert not ops & {"BatchNormalization", "Identity", "Constant", "Dropout"}
    feeds = _noise(model)
    before, after = Session(model).run(feeds), Session(normalized).run(feeds)
    assert list(before) == list(after)
    for name, expected in before.items():
        difference = float(np.abs(after[name] - expected).max() / np.ptp(expected))
        print(f"{file} {name}: largest difference {difference:.2g} of the output's span")
        assert difference <= 1e-4


def _noise(model: ir.Model) -> dict[str, Images]:
    """Images of uniform noise, in the range that the network was trained for."""
    high = 255 if model.graph.name in ("resnet8",) else 1
    generator = np.random.default_rng(0)
    feeds: dict[str, Images] = {}
    for value in model.graph.inputs:
        assert value.shape is not None
        dims = [dim if isinstance(dim, int) else 2 for dim in value.shape]
        feeds[value.name or ""] = generator.uniform(0, high, dims).astype(np.float32)
    return feeds
