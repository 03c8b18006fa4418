# SPDX-License-Identifier: Apache-2.0
"""Compiled networks against ONNX Runtime and LiteRT: one thread, one image, in turns.

    python -m benchmarks.host [--rounds 60] [--profile ort-x86-vnni] [--svg host.svg] [--json FILE]

Each network is quantized once (min-max over 100 images).  ONNX Runtime runs that file, LiteRT the
same scales and weights as a .tflite file, with its XNNPACK delegate; Intaglio compiles it under
each profile; these take and give float32.  Networks that come as .tflite files run in LiteRT and,
under its profile, here, on random codes.  What counts is the thread's time on the processor, not
the clock on the wall; all run in turns, so that whatever else the machine does hits all alike, and
medians are compared.  `intaglio compare --setup litert` installs LiteRT.
"""

import argparse
import json
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import onnx_ir as ir

from benchmarks.litert import LiteRT
from benchmarks.networks import NETWORKS, TFLITE_NETWORKS, Network, data_folder
from benchmarks.onnx_runtime import OnnxRuntime
from benchmarks.ratios import Bar, picture
from benchmarks.tflite_network import NoCounterpart, write_network
from intaglio.commands.data import InputSpec, open_dataset
from intaglio.commands.float_models import input_specs
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.targets.tvm.machine import host
from intaglio.errors import IntaglioError, MissingPeer, PeerFailed
from intaglio.frontends.onnx import import_onnx
from intaglio.frontends.tflite import import_tflite
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from intaglio.simulator.compiled.loading import address, aligned, load

TFLITE_PROFILE = "litert-xnnpack-x86"
PROFILES = ("ort-x86-vnni", "litert-xnnpack-x86", "single-rounding")
CALIBRATION_IMAGES = 100
REPEATS, LOOK = 5, 0.002
"""Runs between two looks at the clock: as many as take LOOK seconds, but REPEATS at least."""


class Runner(Protocol):
    """A network and an image, ready to run."""

    def seconds(self, repeats: int) -> float:
        """Of one run, the mean of ``repeats``."""
        ...

    def output(self) -> Array:
        """The result of the last run."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One network under one profile; a rival that has no such network has no figures.

    Attributes:
        network: its name.
        profile: the arithmetic.
        intaglio: images a second.
        onnx_runtime: images a second, of the runs in between.
        ratio: of the medians.
        equal_to_onnx_runtime: of the outputs' elements, in per cent.
        litert: images a second, of the runs in between.
        ratio_to_litert: of the medians.
        equal_to_litert: of the outputs' elements, in per cent.
    """

    network: str
    profile: str
    intaglio: float
    onnx_runtime: float | None
    ratio: float | None
    equal_to_onnx_runtime: float | None
    litert: float | None
    ratio_to_litert: float | None
    equal_to_litert: float | None


def main() -> int:
    """Measure and print; fail where the machine code differs from the vectorized engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--profile", action="append", help="a profile; repeat for several")
    parser.add_argument("--svg", type=Path, help="write the ratios as a picture as well")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    rows: list[Row] = []
    notes: list[str] = []
    profiles: Sequence[str] = arguments.profile or PROFILES
    for network in NETWORKS:
        rows += network_rows(network, profiles, arguments.rounds, notes)
    for name, file in TFLITE_NETWORKS.items():
        row = tflite_row(name, data_folder() / file, arguments.rounds, notes)
        rows += [] if row is None else [row]
    title = f"Images a second, one thread, {host().instructions.value}, {platform.machine()}"
    columns = [
        Column(key, key.replace("_", " "), ".2f" if key.startswith("ratio") else ".1f")
        for key in asdict(rows[0])
    ]
    print_table(Table(title, tuple(columns), [asdict(row) for row in rows]))
    for note in dict.fromkeys(notes):
        print(note)
    if arguments.svg:
        title = "Speed against other runtimes, int8, one thread (line: 1)"
        arguments.svg.write_text(picture(title, bars(rows)), encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


def network_rows(
    network: Network, profiles: Sequence[str], rounds: int, notes: list[str]
) -> list[Row]:
    """A float network, quantized by us; a note says why a rival is missing."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file = folder / f"{Path(network.model).stem}.onnx"
        image = quantize(network, file)
        scaled = import_onnx(load_model(file), network.name)
        rivals: dict[str, Runner] = {"ONNX Runtime": OnnxRuntime(file, image)}
        try:
            write_network(scaled, folder / "network.npz")
            litert = LiteRT(folder / "network.npz", image.transpose(0, 2, 3, 1), folder)
            rivals["LiteRT"] = stack.enter_context(litert)
            notes.append(f"{litert.program}, XNNPACK: {'yes' if litert.delegated else 'no'}")
        except (NoCounterpart, MissingPeer) as error:
            notes.append(f"{network.name} without LiteRT: {error}")
        return [
            measure(
                network.name, profile, lower(scaled, load_profile(profile)), image, rivals, rounds
            )
            for profile in profiles
        ]


def tflite_row(name: str, file: Path, rounds: int, notes: list[str]) -> Row | None:
    """A network that comes quantized, on random codes; a note says why it is missing."""
    try:
        scaled = import_tflite(file.read_bytes(), name)
        graph = lower(scaled, load_profile(TFLITE_PROFILE))
    except IntaglioError as error:
        notes.append(f"{name}: {' '.join(str(error).split())}")
        return None
    declared = graph.inputs[0].type
    codes = declared.integer.interval
    image = np.random.default_rng(0).integers(codes.low, codes.high + 1, declared.shape)
    image = image.astype(declared.integer.dtype)
    with TemporaryDirectory() as folder:
        try:
            with LiteRT(file, image, Path(folder)) as litert:
                return measure(name, TFLITE_PROFILE, graph, image, {"LiteRT": litert}, rounds)
        except (MissingPeer, PeerFailed) as error:
            notes.append(f"{name} without LiteRT: {' '.join(str(error).split())}")
            return measure(name, TFLITE_PROFILE, graph, image, {}, rounds)


def quantize(network: Network, file: Path) -> Array:
    """Write the quantized network; one image for it."""
    model = load_model(network.path(network.model))
    specs = input_specs(model)
    dataset = open_dataset(
        network.path(network.calibration),
        inputs=specs,
        preprocessing=network.preprocessing,
        labels=network.label_file,
        limit=CALIBRATION_IMAGES,
    )
    calibration = (batch.inputs for batch in dataset.batches(10))
    save_model(quantize_minmax(model, calibration, QuantizationOptions()).model, file)
    return first_image(network, model, specs)


def first_image(network: Network, model: ir.Model, specs: Sequence[InputSpec]) -> Array:
    """The first evaluation image as the network's input."""
    dataset = open_dataset(
        network.path(network.images),
        inputs=specs,
        preprocessing=network.preprocessing,
        labels=network.label_file,
        limit=1,
    )
    (batch,) = dataset.batches(1)
    (array,) = batch.inputs.values()
    return np.ascontiguousarray(array)


def measure(
    name: str,
    profile: str,
    graph: Graph,
    image: Array,
    rivals: Mapping[str, Runner],
    rounds: int,
) -> Row:
    """All in turns."""
    ours = Compiled(graph, image)
    (expected,) = vectorized.run(graph, {graph.inputs[0].name: image}).values()
    if not np.array_equal(ours.output(), expected):
        raise SystemExit(f"{name}, {profile}: the machine code differs from the vectorized engine")
    runners: dict[str, Runner] = {"Intaglio": ours, **rivals}
    times: dict[str, list[float]] = {runner: [] for runner in runners}
    repeats = {
        runner: max(REPEATS, round(LOOK / runners[runner].seconds(REPEATS))) for runner in runners
    }
    for _ in range(rounds):
        for runner, column in times.items():
            column.append(runners[runner].seconds(repeats[runner]))
    medians = {runner: median(column) for runner, column in times.items()}

    def against(rival: str) -> tuple[float | None, float | None, float | None]:
        if rival not in rivals:
            return None, None, None
        equal = 100 * np.count_nonzero(expected == rivals[rival].output()) / expected.size
        return 1 / medians[rival], medians[rival] / medians["Intaglio"], float(equal)

    mine = 1 / medians["Intaglio"]
    return Row(name, profile, mine, *against("ONNX Runtime"), *against("LiteRT"))


class Compiled:
    """The machine code, called as a user's program calls it."""

    def __init__(self, graph: Graph, image: Array) -> None:
        """Compile, or find in the cache, and run once."""
        (output,) = graph.outputs
        self._loaded = load(graph)
        declared = graph.type_of(output)
        floats = declared.element == FLOAT32
        dtype = np.dtype(np.float32) if floats else declared.integer.dtype
        self._result = np.empty(declared.shape, dtype)
        # Held, since the code gets nothing but addresses.
        self._kept = image, aligned(self._loaded.arena)
        places = [address(image)], [address(self._result)], address(self._kept[1])
        self._run = self._loaded.bind(*places)
        self._run()

    def seconds(self, repeats: int) -> float:
        """Of one call, the mean of ``repeats``."""
        run = self._run
        began = time.thread_time()
        for _ in range(repeats):
            run()
        return (time.thread_time() - began) / repeats

    def output(self) -> Array:
        """The result of the last call."""
        return self._result


def bars(rows: Sequence[Row]) -> list[Bar]:
    """A bar a ratio."""
    return [
        Bar(f"{row.network}, {row.profile}", rival, ratio)
        for row in rows
        for rival, ratio in (("ONNX Runtime", row.ratio), ("LiteRT", row.ratio_to_litert))
        if ratio is not None
    ]


if __name__ == "__main__":
    raise SystemExit(main())
