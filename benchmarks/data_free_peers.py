# SPDX-License-Identifier: Apache-2.0
"""Top-1 of other people's 8-bit quantizers, on the images that `benchmarks.data_free` measures.

    intaglio compare --setup quantizers
    python -m benchmarks.data_free_peers [--networks ResNet20] [--tools AIMET] [--json FILE]

Each tool gets the float ONNX file with its BatchNorm, and 100 images to observe: real ones, or
uniform random pixels where it shall have no data.  The real ones are, for ImageNet, the first 100
of the 500 that are evaluated, which favours the tools; for CIFAR, the first 100 training images.
All 500 and all 5000 shared images are evaluated.  ONNX Runtime runs its own file; AIMET and
Brevitas evaluate with fake quantization, as they do.  `benchmarks/quantizers` has every setting.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.networks import Network
from benchmarks.peer_images import write_images
from benchmarks.peer_quantizers import Measured, Method, Tool, measure
from intaglio.commands.peers.catalog import Environment


def _photographs(name: str, model: str, preprocessing: str) -> Network:
    images = "imagenet/images.zip"
    return Network(name, model, images, images, preprocessing, "imagenet/labels.tsv", batch=10)


def _small_pictures(name: str, model: str, preprocessing: str) -> Network:
    images, training = "cifar10/test_5000_jpeg.npz", "cifar10/train_2000.npz"
    return Network(name, model, images, training, preprocessing, batch=50)


NETWORKS = (
    _photographs("MobileNetV1-0.75", "imagenet/mobilenet_v1_075_224_bn.onnx", "tf"),
    _photographs("MobileNetV1-0.25", "imagenet/mobilenet_v1_025_224_bn.onnx", "tf"),
    _photographs("SqueezeNet", "imagenet/squeezenet10_deepcompressed.onnx", "caffe"),
    _small_pictures("ResNet20", "cifar10/resnet20_bn.onnx", "cifar"),
    _small_pictures("ResNet32", "cifar10/resnet32_bn.onnx", "cifar"),
)

ONNX_RUNTIME = Tool("ONNX Runtime", "onnx_runtime_adapter.py", None)
AIMET = Tool("AIMET", "aimet_adapter.py", Environment.QUANTIZERS)
BREVITAS = Tool("Brevitas", "brevitas_adapter.py", Environment.QUANTIZERS)
TOOLS = (ONNX_RUNTIME, AIMET, BREVITAS)

METHODS = (
    Method(ONNX_RUNTIME, "none", False, "images", ("float",)),
    Method(ONNX_RUNTIME, "min-max", False, "images"),
    Method(ONNX_RUNTIME, "min-max", False, "noise"),
    Method(AIMET, "min-max", False, "images"),
    Method(AIMET, "min-max", False, "noise"),
    Method(AIMET, "tf-enhanced", False, "images"),
    Method(AIMET, "min-max", True, "images", ("float", "per-tensor", "per-channel")),
    Method(AIMET, "min-max", True, "noise"),
    Method(BREVITAS, "percentile", True, "images", ("float", "per-tensor", "per-channel")),
    Method(BREVITAS, "percentile", True, "noise"),
)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=[each.name for each in NETWORKS])
    parser.add_argument("--tools", nargs="+", default=[each.name for each in TOOLS])
    parser.add_argument("--images", type=int, help="evaluate no more than this many")
    parser.add_argument("--json", type=Path, help="write the figures, after each")
    chosen = parser.parse_args()
    console, found = Console(stderr=True, soft_wrap=True), list[Measured]()
    for network in (each for each in NETWORKS if each.name in chosen.networks):
        with tempfile.TemporaryDirectory() as name:
            images = write_images(network, Path(name), chosen.images)
            for tool in (each for each in TOOLS if each.name in chosen.tools):
                methods = [each for each in METHODS if each.tool is tool]
                for measured in measure(network, methods, images, Path(name)):
                    console.print(_sentence(measured))
                    found.append(measured)
                    if chosen.json:
                        _write(chosen.json, found)
    shown = Console()
    shown.print(table(found))
    for program, refused in {(each.tool, each.refused): None for each in found if each.refused}:
        shown.print(f"{program} refused: {refused}")


def _write(path: Path, found: Sequence[Measured]) -> None:
    path.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


def table(found: Sequence[Measured]) -> Table:
    """A row for each method, a column for each network."""
    networks = list(dict.fromkeys(each.network for each in found))
    rows = list(dict.fromkeys((each.tool, each.method, each.data) for each in found))
    shown = Table(title="Top-1 %, W8A8, weights per tensor / per channel")
    for heading in ("tool", "method", "observes"):
        shown.add_column(heading)
    for network in networks:
        shown.add_column(network, justify="right")
    for row in rows:
        cells: list[str] = []
        for network in networks:
            here = [
                each
                for each in found
                if (each.tool, each.method, each.data) == row and each.network == network
            ]
            cells.append(" / ".join(_cell(each) for each in here))
        shown.add_row(*row, *cells)
    return shown


def _cell(measured: Measured) -> str:
    return "refused" if measured.top1 is None else f"{measured.top1:.1f}"


def _sentence(measured: Measured) -> str:
    about = (measured.network, measured.tool, measured.method, measured.data, measured.weights)
    return f"{', '.join(about)}: {measured.refused or _cell(measured)}"


if __name__ == "__main__":
    main()
