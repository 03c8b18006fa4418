# SPDX-License-Identifier: Apache-2.0
"""How fast the compiled engine runs unusual arithmetic, beside the default on the same machine.

``python -m benchmarks.hardware_speed [--quick] [--json FILE]`` quantizes MobileNetV1-0.75 and
ResNet20 (per channel, 8 bits, min-max over 100 images) and prints what the README quotes: each of
the nine roundings and a requantizer in stages behind an accumulator of 20 bits that wraps, and
accumulators that saturate after each addition.  Ratios are of processor time on one core, the
quickest of many runs in turns with the default; ``simulate`` is the command with two threads.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.ground_floor import quantized
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.analysis.accumulators import (
    accumulating_nodes,
    channel_ranges,
    never_overflows,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.profile import Profile, format_profile, load_profile
from intaglio.numerics.profile.rules import ContractionRule
from intaglio.numerics.profile.schemes import MultiplyShiftScheme
from intaglio.numerics.profile.stages_scheme import StagesScheme, ZeroPointPlace
from intaglio.numerics.rounding import Rounding
from intaglio.simulator import vectorized
from intaglio.simulator.compiled import Program

MEASURED = ("MobileNetV1-0.75", "ResNet20")
EACH_BITS = (20, 16, 12)
DEFAULT = "single-rounding"
IMAGES = {"MobileNetV1-0.75": 200, "ResNet20": 500}


@dataclass(frozen=True, slots=True)
class Speed:
    """One arithmetic on one network.

    Attributes:
        network: its name.
        arithmetic: what is unusual.
        unproved: percent of the channels whose additions have an order that may matter.
        images_per_second: on one core, by processor time.
        of_default: that, divided by the default profile's.
        equal: whether the vectorized engine yields the same bits.
        simulate: images/s of ``intaglio simulate`` with two threads, its start and the decoding of
            images included, the graph compiled before; 0 where it wasn't measured.
    """

    network: str
    arithmetic: str
    unproved: float
    images_per_second: float
    of_default: float
    equal: bool
    simulate: float


def main() -> int:
    """Measure, print, and fail where bits differ or a speed is below what is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    with tempfile.TemporaryDirectory() as folder:
        rows = hardware_speeds(Path(folder), quick=arguments.quick)
    print_speeds(rows)
    if arguments.json:
        results = [asdict(row) for row in rows]
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0 if all(map(kept, rows)) else 1


def hardware_speeds(folder: Path, *, quick: bool) -> list[Speed]:
    """Each arithmetic on each network; quantized models and profiles go to a folder."""
    networks = [network for network in NETWORKS if network.name in MEASURED]
    return [
        row
        for network in networks
        for row in _speeds(network, quantized(network, folder), folder, quick)
    ]


def kept(row: Speed) -> bool:
    """Whether a speed is the promised one, and the bits are right."""
    if not row.equal:
        return False
    if row.arithmetic.startswith("saturate-each-add"):
        return row.network != MEASURED[0] or row.simulate == 0 or row.simulate >= 5
    return row.of_default >= 0.5


def print_speeds(rows: Sequence[Speed]) -> None:
    """The table."""
    cells = [asdict(row) for row in rows]
    columns = [
        Column(key, key.replace("_", " "), ".2f" if isinstance(cell, float) else "")
        for key, cell in cells[0].items()
    ]
    print_table(Table("Compiled engine", tuple(columns), cells))


def _speeds(network: Network, model: Path, folder: Path, quick: bool) -> Iterator[Speed]:
    default = _graph(model, DEFAULT, network.batch)
    program, feeds = Program(default), _feeds(default)
    for name, profile in _profiles():
        path = folder / f"{name.replace(' ', '-')}.toml"
        path.write_text(format_profile(replace(profile, name=path.stem)), encoding="utf-8")
        graph = _graph(model, str(path), network.batch)
        unusual = Program(graph)
        found, expected = (run.run(feeds) for run in (unusual, vectorized.Program(graph)))
        equal = all(np.array_equal(found[output], expected[output]) for output in expected)
        usual_seconds, seconds = _fastest([program, unusual], feeds, 10 if quick else 40)
        simulated = 0.0
        if name.startswith("saturate-each-add"):
            simulated = _simulated(network, model, path, IMAGES[network.name])
        yield Speed(
            network.name,
            name,
            _unproved(graph),
            network.batch / seconds,
            usual_seconds / seconds,
            equal,
            simulated,
        )


def _profiles() -> Iterator[tuple[str, Profile]]:
    """The default one with one thing or another that is unusual."""
    default = load_profile(DEFAULT)
    for rounding in Rounding:
        scheme = MultiplyShiftScheme(31, rounding)
        yield f"wrap 20 {rounding.value}", _with(default, 20, Overflow.WRAP, scheme)
    stages = StagesScheme(16, Rounding.HALF_TOWARD_POSITIVE, ZeroPointPlace.AFTER_SHIFT)
    yield "wrap 20 stages", _with(default, 20, Overflow.WRAP, stages)
    for bits in EACH_BITS:
        name = f"saturate-each-add {bits}"
        yield name, _with(default, bits, Overflow.SATURATE_EACH_ADD, None)


def _with(
    profile: Profile,
    bits: int,
    overflow: Overflow,
    scheme: MultiplyShiftScheme | StagesScheme | None,
) -> Profile:
    def changed(rule: ContractionRule) -> ContractionRule:
        rescale = rule.rescale if scheme is None else replace(rule.rescale, scheme=scheme)
        return replace(rule, accumulator_bits=bits, overflow=overflow, rescale=rescale)

    return replace(profile, contraction=tuple(map(changed, profile.contraction)))


def _graph(model: Path, profile: str, batch: int) -> Graph:
    return open_fixed(model, LoweringOptions(profile, batch))


def _feeds(graph: Graph) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {
        given.name: random.uniform(-1, 1, given.type.shape).astype(np.float32)
        for given in graph.inputs
    }


def _fastest(programs: Sequence[Program], feeds: dict[str, Array], rounds: int) -> list[float]:
    """The least seconds of processor time of each, in turns."""
    least = [float("inf")] * len(programs)
    for _ in range(rounds):
        for number, program in enumerate(programs):
            started = time.process_time()
            program.run(feeds)
            least[number] = min(least[number], time.process_time() - started)
    return least


def _unproved(graph: Graph) -> float:
    """Percent of the channels that no proof clears of an order of additions."""
    ranges, channels, unproved = value_ranges(graph), 0, 0
    for node, op in accumulating_nodes(graph):
        found = channel_ranges(graph.definitions, node, op, ranges)
        each = node.type.shape[-1] // len(found)
        channels += node.type.shape[-1]
        if op.accumulator.overflow.ordered:
            unproved += each * sum(not never_overflows(op.accumulator, one) for one in found)
    return 100 * unproved / channels


def _simulated(network: Network, model: Path, profile: Path, images: int) -> float:
    """The command in a process of its own, on two threads."""
    command = [sys.executable, "-m", "intaglio.cli", "simulate", str(model), "--quiet"]
    command += ["--data", str(network.path(network.images)), "--limit", str(images)]
    command += ["--profile", str(profile), "--engine", "compiled", "--threads", "2"]
    command += ["--preprocessing", network.preprocessing, "--batch", str(network.batch)]
    command += ["--labels", str(network.label_file)] if network.labels else []
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return images / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
