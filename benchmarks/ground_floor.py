# SPDX-License-Identifier: Apache-2.0
"""Float networks through the whole ground floor: accuracy, equality, speed, memory.

``python -m benchmarks.ground_floor [--quick] [--json FILE]`` quantizes the real networks (per
channel, 8 bits, min-max over 100 images), lowers them, and prints what the README quotes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.hardware_presets import preset_rows, print_rows
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.data import Batch, InputSpec, open_dataset
from intaglio.commands.engines import EngineName
from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.commands.parallel_runs import Engines
from intaglio.commands.quantize import CalibrationSource, Given, quantize_file
from intaglio.commands.simulate import simulate_dataset
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.numerics.profile import profile_names

# The kernel's high-water mark of the command's own memory; a parent's would be inherited elsewhere.
_MEASURED = """
import atexit, re
from pathlib import Path
status = Path("/proc/self/status")
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]))
from intaglio.cli import main
main()
"""
EQUALITY_PROFILES = ("single-rounding", "tflm", "litert-xnnpack-x86", "ort-x86-vnni", "tosa-single")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 in percent of one network, and how many output values differ from ONNX Runtime's."""

    network: str
    images: int
    float_top1: float
    onnx_runtime_top1: float
    integer_top1: float
    profile_top1: float
    differing: int
    values: int


@dataclass(frozen=True, slots=True)
class Equality:
    """Reference against vectorized, every tensor."""

    network: str
    profile: str
    images: int
    tensors: int
    values: int
    differing: int


@dataclass(frozen=True, slots=True)
class Speed:
    """``intaglio simulate`` as a user runs it."""

    network: str
    engine: str
    images: int
    images_per_second: float
    peak_megabytes: float


def main() -> int:
    """Measure, print, and fail where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    limit = 100 if arguments.quick else None
    with tempfile.TemporaryDirectory() as folder:
        files = {network.name: quantized(network, Path(folder)) for network in NETWORKS}
        speeds = [
            _speed(network, files[network.name], limit or 500, engine)
            for network in NETWORKS
            for engine in (EngineName.VECTORIZED, EngineName.COMPILED)
        ]
        _print("intaglio simulate, single-rounding, two threads", speeds)
        accuracies = [_accuracy(network, files[network.name], limit) for network in NETWORKS]
        _print("Top-1 %, W8A8 per channel, min-max over 100 images", accuracies)
        equalities = [
            _equality(network, files[network.name], profile)
            for network in NETWORKS
            for profile in EQUALITY_PROFILES
        ]
        _print("reference == vectorized, every tensor", equalities)
    cases = preset_rows(profile_names())
    print_rows(cases)
    results = {
        "accuracy": [asdict(row) for row in accuracies],
        "equality": [asdict(row) for row in equalities],
        "speed": [asdict(row) for row in speeds],
        "requantizers": [asdict(row) for row in cases],
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    differing = sum(row.differing for row in accuracies) + sum(row.differing for row in equalities)
    return 1 if differing + sum(case.comparison.differences for case in cases) else 0


def _print(title: str, rows: Sequence[Accuracy | Equality | Speed]) -> None:
    cells = [asdict(row) for row in rows]
    columns = [
        Column(key, key.replace("_", " "), ".2f" if isinstance(cell, float) else "")
        for key, cell in cells[0].items()
    ]
    print_table(Table(title, tuple(columns), cells))


def quantized(network: Network, folder: Path) -> Path:
    """A network quantized per channel in 8 bits, min-max over 100 images, as a file in a folder."""
    output = folder / f"{Path(network.model).stem}.onnx"
    source = CalibrationSource(
        network.path(network.calibration),
        network.label_file if network.calibration == network.images else None,
        network.preprocessing,
    )
    quantize_file(network.path(network.model), output, given=Given(source))
    return output


def _batches(network: Network, model: Path, limit: int | None) -> Iterator[Batch]:
    value = load_model(model).graph.inputs[0]
    shape = (None, *(int(str(dim)) for dim in list(value.shape or ())[1:]))
    spec = InputSpec(str(value.name), shape, np.dtype(np.float32))
    dataset = open_dataset(
        network.path(network.images),
        inputs=[spec],
        labels=network.label_file,
        preprocessing=network.preprocessing,
        limit=limit,
    )
    return dataset.batches(network.batch)


def _runtime_outputs(
    network: Network, model: Path, limit: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first output of ONNX Runtime for every image, and the labels."""
    session = Session(load_model(model))
    found: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    for batch in _batches(network, model, limit):
        (output,) = session.run(batch.inputs).values()
        found.append(np.asarray(output, np.float32))
        assert batch.labels is not None
        labels.append(batch.labels)
    return np.concatenate(found), np.concatenate(labels)


def _simulated_outputs(
    network: Network, model: Path, profile: str, limit: int | None
) -> NDArray[np.float32]:
    """The first output of the vectorized engine for every image."""
    graph = open_fixed(model, LoweringOptions(profile, network.batch))
    value = graph.inputs[0]
    spec = InputSpec(value.name, (None, *value.type.shape[1:]), np.dtype(np.float32))
    dataset = open_dataset(
        network.path(network.images),
        inputs=[spec],
        labels=network.label_file,
        preprocessing=network.preprocessing,
        limit=limit,
    )
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "outputs.npz"
        simulate_dataset(graph, dataset, Engines(EngineName.VECTORIZED), save=saved)
        with np.load(saved) as arrays:
            return np.asarray(arrays[graph.outputs[0]], np.float32)


def _accuracy(network: Network, model: Path, limit: int | None) -> Accuracy:
    real, labels = _runtime_outputs(network, network.path(network.model), limit)
    runtime, _ = _runtime_outputs(network, model, limit)
    integer = _simulated_outputs(network, model, "single-rounding", limit)
    profile = _simulated_outputs(network, model, "ort-x86-vnni", limit)

    def top1(outputs: NDArray[np.float32]) -> float:
        classes: NDArray[np.int64] = outputs.reshape(len(labels), -1).argmax(axis=1)
        return 100 * float(np.count_nonzero(classes == labels)) / len(labels)

    return Accuracy(
        network.name,
        len(labels),
        top1(real),
        top1(runtime),
        top1(integer),
        top1(profile),
        int(np.count_nonzero(profile.reshape(-1) != runtime.reshape(-1))),
        runtime.size,
    )


def _equality(network: Network, model: Path, profile: str) -> Equality:
    graph = open_fixed(model, LoweringOptions(profile))
    value = graph.inputs[0]
    spec = InputSpec(value.name, (None, *value.type.shape[1:]), np.dtype(np.float32))
    images = 1 if value.type.size > 10_000 else 3
    dataset = open_dataset(
        network.path(network.images),
        inputs=[spec],
        labels=network.label_file,
        preprocessing=network.preprocessing,
        limit=images,
    )
    engines = Engines(EngineName.VECTORIZED, EngineName.REFERENCE)
    comparison = simulate_dataset(graph, dataset, engines, threads=1).comparison
    assert comparison is not None
    return Equality(
        network.name,
        profile,
        images,
        comparison.tensors,
        comparison.values,
        comparison.differing,
    )


def _speed(network: Network, model: Path, images: int, engine: EngineName) -> Speed:
    """The command in a process of its own; its peak memory as the system accounts it."""
    command = [sys.executable, "-c", _MEASURED, "simulate", str(model)]
    command += ["--data", str(network.path(network.images)), "--limit", str(images), "--quiet"]
    command += [
        "--engine",
        engine.value,
        "--preprocessing",
        network.preprocessing,
        "--batch",
        str(network.batch),
    ]
    if network.labels:
        command += ["--labels", str(network.label_file)]
    started = time.perf_counter()
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    kibibytes = int(finished.stdout.splitlines()[-1])
    return Speed(network.name, engine.value, images, images / seconds, kibibytes / 1024)


if __name__ == "__main__":
    sys.exit(main())
