# SPDX-License-Identifier: Apache-2.0
"""Networks on ARM under QEMU: exactness first, then instructions, code and memory.

    python -m benchmarks.arm [--only TEXT] [--samples 100] [--json FILE]

Each network runs on each target under each profile over real samples where there are any for it,
else over random codes, and is held against the simulator; then the instructions of one inference
are counted, and every access to memory is watched.  ``--only`` keeps the rows whose network, target
and profile, joined by commas, contain the text.  The exit code is 1 where a demand isn't met.

TensorFlow Lite Micro's arena is what its recording allocator reports, in the environment that
`intaglio compare --setup tflm` makes; its pointers have 64 bits there, as on no Cortex-M.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arm_demands import Demand, Row, demands
from benchmarks.arm_networks import CASES, PEERS, Case
from benchmarks.networks import data_folder
from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.commands.peers.catalog import Environment
from intaglio.commands.peers.environments import python_of
from intaglio.commands.progress import StepReport, steps
from intaglio.commands.tables import Column, Table, print_table
from intaglio.commands.verify import Feeds
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import MissingPeer
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import BOARDS
from intaglio.simulator.emulated.device import Device

PROFILES = ("single-rounding", "tflm")
SAMPLES = 100


def main() -> int:
    """Measure and print; 1 where a demand isn't met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="keep rows that contain this text")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="inputs of each network")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks at {data_folder()}: set INTAGLIO_DATA")
    chosen = list(selected(arguments.only))
    if not chosen:
        parser.error(f"no row contains {arguments.only!r}")
    with steps() as report:
        rows = [measure(*each, arguments.samples, report) for each in chosen]
    found = list(demands(rows))
    for table in tables(rows, found):
        print_table(table)
    if arguments.json:
        text = json.dumps(as_json(rows, found), indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0 if all(demand.met for demand in found) else 1


def selected(text: str) -> Iterator[tuple[Case, str, str]]:
    """The rows that contain the text."""
    for profile in PROFILES:
        for case in CASES:
            for target in PEERS:
                if target in case.peers and text in f"{case.name},{target},{profile}":
                    yield case, target, profile


def measure(case: Case, target: str, profile: str, samples: int, report: StepReport) -> Row:
    """Run, compare and count one network."""
    label = f"{case.name}, {target}, {profile}"
    report(f"{label}: simulating", 0, None)
    graph, feeds, expected = simulated(case.name, profile, samples)
    report(f"{label}: building", 0, None)
    with Device(graph, target) as device:
        found = device.run(feeds.runs, lambda done, total: report(label, done, total))
        differing = sum(
            differences(outputs[name], wanted[name])
            for outputs, wanted in zip(found, expected, strict=True)
            for name in wanted
        )
        report(f"{label}: counting", 0, None)
        counted = device.count(feeds.runs[0])
        watched = device.accesses(feeds.runs[0])
        footprint: Mapping[str, Any] = device.manifest["footprint"]
        undefined = undefined_symbols(target, device.folder / "network.o")
    return Row(
        network=case.name,
        target=target,
        profile=profile,
        inputs="random codes" if feeds.random else "real samples",
        samples=feeds.samples,
        differing=differing,
        strays=len(watched.strays),
        instructions=counted.total,
        peer=case.peers[target],
        macs=footprint["multiply_accumulates"],
        code=footprint["code"],
        constants=footprint["constants"] + footprint["other_constants"],
        arena=footprint["arena"],
        ports=footprint["inputs"] + footprint["outputs"],
        tflm_arena=tflm_arena(case.path),
        stack=watched.stack,
        stack_bound=footprint["stack"]["size"],
        undefined=" ".join(undefined),
    )


@lru_cache(maxsize=1)
def simulated(
    name: str, profile: str, samples: int
) -> tuple[Graph, Feeds, Sequence[Mapping[str, Array]]]:
    """The graph, its inputs, and the outputs that every target must give."""
    (case,) = (case for case in CASES if case.name == name)
    graph = open_fixed(case.path, LoweringOptions(profile))
    feeds = case.feeds(graph, samples)
    return graph, feeds, [vectorized.run(graph, run) for run in feeds.runs]


def differences(found: Array, expected: Array) -> int:
    """How many elements differ in a bit; all, where type or shape do."""
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return expected.size
    bits = [
        array.view(np.uint32) if array.dtype == np.float32 else array for array in (found, expected)
    ]
    return int(np.count_nonzero(bits[0] != bits[1]))


def undefined_symbols(target: str, object: Path) -> list[str]:
    """What a linker must find for the object."""
    command = [BOARDS[target].tool("nm"), "-u", str(object)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[-1] for line in listed.splitlines())


_TFLM = """
import sys
from tflite_micro import runtime
runtime.Interpreter.from_file(sys.argv[1], arena_size=64 << 20).print_allocations()
"""


@cache
def tflm_arena(model: Path) -> int | None:
    """Bytes of arena that TensorFlow Lite Micro allocates, inputs and outputs among them."""
    try:
        python = python_of(Environment.LITERT)
    except MissingPeer:
        return None
    command = [str(python), "-I", "-c", _TFLM, str(model)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = re.search(r"Arena allocation total (\d+) bytes", done.stdout + done.stderr)
    return None if said is None else int(said[1])


def tables(rows: Sequence[Row], found: Sequence[Demand]) -> Iterator[Table]:
    """Instructions, memory, demands."""
    about = (Column("network", "network"), Column("target", "target"), Column("profile", "profile"))
    facts = [
        asdict(row) | {"ratio": row.ratio, "rate": row.macs / row.instructions} for row in rows
    ]
    speed = (
        *about,
        Column("samples", "samples"),
        Column("inputs", "inputs"),
        Column("differing", "differing"),
        Column("strays", "strays"),
        Column("instructions", "instructions", ","),
        Column("peer", "peer's", ","),
        Column("ratio", "ratio", ".3f"),
        Column("rate", "MACs an instruction", ".2f"),
    )
    peers = ", ".join(f"{target}: {peer}" for target, peer in PEERS.items())
    yield Table(f"Instructions of one inference (peers: {peers})", speed, facts)
    memory = (
        *about,
        Column("code", "code", ","),
        Column("constants", "constants", ","),
        Column("arena", "arena", ","),
        Column("ports", "inputs, outputs", ","),
        Column("tflm_arena", "TFLM's arena", ","),
        Column("stack", "stack", ","),
        Column("stack_bound", "at most", ","),
        Column("undefined", "undefined symbols"),
    )
    yield Table("Memory in bytes (TFLM's arena holds inputs and outputs)", memory, facts)
    columns = (
        Column("demand", "demand"),
        Column("limit", "limit"),
        Column("found", "found"),
        Column("met", "met"),
    )
    yield Table("Demands", columns, [asdict(demand) for demand in found])


def as_json(rows: Sequence[Row], found: Sequence[Demand]) -> dict[str, Any]:
    """All figures."""
    return {
        "rows": [asdict(row) | {"ratio": row.ratio} for row in rows],
        "demands": [asdict(demand) for demand in found],
        "met": all(demand.met for demand in found),
    }


if __name__ == "__main__":
    raise SystemExit(main())
