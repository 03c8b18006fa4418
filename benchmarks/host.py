# SPDX-License-Identifier: Apache-2.0
"""Compiled networks against ONNX Runtime's int8: the same file, one thread, one image, in turns.

    python benchmarks/host.py [--rounds 60] [--profile ort-x86-vnni] [--svg host.svg] [--json FILE]

Each network is quantized once (min-max over 100 images).  ONNX Runtime runs that file; Intaglio
compiles it under each profile, float32 in and out, as ONNX Runtime has it.  Both run in turns, so
that whatever else the machine does hits both; medians are compared.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx_ir as ir

from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.data import InputSpec, open_dataset
from intaglio.commands.quantize import input_specs
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.targets.tvm.machine import host
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from intaglio.simulator.compiled.loading import address, aligned, load

# ONNX Runtime carries no types.
onnxruntime: Any = import_module("onnxruntime")

PROFILES = ("ort-x86-vnni", "single-rounding")
CALIBRATION_IMAGES = 100
REPEATS = 5
"""Runs between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Row:
    """One network under one profile.

    Attributes:
        network: its name.
        profile: the arithmetic.
        intaglio: images a second.
        onnx_runtime: images a second, of the runs in between.
        ratio: of the medians.
        equal_to_onnx_runtime: of the outputs' elements, in per cent.
    """

    network: str
    profile: str
    intaglio: float
    onnx_runtime: float
    ratio: float
    equal_to_onnx_runtime: float


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
    for network in NETWORKS:
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"{Path(network.model).stem}.onnx"
            image = quantize(network, file)
            scaled = import_onnx(load_model(file), network.name)
            for profile in arguments.profile or PROFILES:
                graph = lower(scaled, load_profile(profile))
                rows.append(measure(network.name, profile, graph, file, image, arguments.rounds))
    title = f"Images a second, one thread, {host().instructions.value}, {platform.machine()}"
    columns = [
        Column(key, key.replace("_", " "), ".2f" if key == "ratio" else ".1f" if number else "")
        for key, number in ((key, not isinstance(v, str)) for key, v in asdict(rows[0]).items())
    ]
    print_table(Table(title, tuple(columns), [asdict(row) for row in rows]))
    if arguments.svg:
        arguments.svg.write_text(picture(rows), encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


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


def measure(name: str, profile: str, graph: Graph, file: Path, image: Array, rounds: int) -> Row:
    """Both in turns."""
    ours, output = compiled_run(graph, image)
    theirs, reference = onnx_runtime_run(file, image)
    ours()
    (expected,) = vectorized.run(graph, {graph.inputs[0].name: image}).values()
    if not np.array_equal(output, expected):
        raise SystemExit(f"{name}, {profile}: the machine code differs from the vectorized engine")
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (median(column) for column in zip(*times, strict=True))
    equal = 100 * np.count_nonzero(output == reference()) / output.size
    return Row(name, profile, 1 / mine, 1 / other, other / mine, equal)


def seconds(run: Callable[[], object]) -> float:
    """Of one run, the mean of a few."""
    began = time.perf_counter()
    for _ in range(REPEATS):
        run()
    return (time.perf_counter() - began) / REPEATS


def compiled_run(graph: Graph, image: Array) -> tuple[Callable[[], None], Array]:
    """A call of the machine code, as a user's program makes it, and where its result goes."""
    loaded = load(graph)
    (output,) = graph.outputs
    result = np.empty(graph.type_of(output).shape, np.float32)
    arena = aligned(loaded.arena)
    inputs, outputs, memory = [address(image)], [address(result)], address(arena)

    def run() -> None:
        loaded.call(inputs, outputs, memory)

    run()
    # The closure keeps the arena alive.
    run.__dict__["arena"] = arena
    return run, result


def onnx_runtime_run(file: Path, image: Array) -> tuple[Callable[[], None], Callable[[], Array]]:
    """A run of ONNX Runtime on memory of its own choice, without copies, and its last result."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, image)
    binding.bind_output(session.get_outputs()[0].name)

    def run() -> None:
        session.run_with_iobinding(binding)

    def result() -> Array:
        found: Array = binding.copy_outputs_to_cpu()[0]
        return found

    run()
    return run, result


def picture(rows: Sequence[Row]) -> str:
    """The ratios as bars; the line is ONNX Runtime."""
    width, height, left, unit = 720, 34, 260, 150
    bars: list[str] = []
    for number, row in enumerate(rows):
        y = 40 + number * height
        bars.append(
            f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{row.network}, {row.profile}'
            f'</text><rect x="{left}" y="{y}" width="{row.ratio * unit:.1f}" height="22" '
            f'fill="#4a6fa5"/><text x="{left + row.ratio * unit + 6:.1f}" y="{y + 16}">'
            f"{row.ratio:.2f}</text>"
        )
    bottom = 40 + len(rows) * height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 10}" '
        'font-family="sans-serif" font-size="13">\n'
        '<text x="8" y="20">Speed against ONNX Runtime int8, one thread (line: 1)</text>\n'
        + "\n".join(bars)
        + f'\n<line x1="{left + unit}" y1="32" x2="{left + unit}" y2="{bottom}" stroke="#c33"/>\n'
        "</svg>\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
