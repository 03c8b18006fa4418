# SPDX-License-Identifier: Apache-2.0
"""Two slices of the arithmetic, each by one sweep command, interrupted half-way and resumed.

``python -m benchmarks.hardware_sweeps [--quick] [--only NAME] [--keep FOLDER] [--json FILE]``
quantizes ResNet20 and MobileNetV1-0.75 (per channel, 8 bits, min-max over 100 images) and prints
what the README quotes.  Accumulator width by overflow rule, and rounding by multiplier width.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.ground_floor import quantized
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.tables import Cell, Column, Table, print_table

FILES = ("sweep.csv", "sweep.json", "pareto.svg")
IMAGES = {"ResNet20": 500, "MobileNetV1-0.75": 200}
QUICK_IMAGES = {"ResNet20": 50, "MobileNetV1-0.75": 10}


@dataclass(frozen=True, slots=True)
class Slice:
    """A grid.

    Attributes:
        name: what the tables call it.
        axes: as ``--axis`` takes them.
    """

    name: str
    axes: tuple[str, ...]


SLICES = (
    Slice(
        "accumulator",
        (
            "contraction.accumulator_bits=12,14,16,18,20,24,32",
            "contraction.overflow=wrap,saturate,saturate-each-add",
        ),
    ),
    Slice(
        "multiplier",
        (
            "contraction.rescale.scheme.rounding=FLOOR,HALF_TOWARD_POSITIVE,HALF_EVEN",
            "contraction.rescale.scheme.multiplier_bits=8,11,16,24,32",
            "contraction.accumulator_bits=32",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SweptSlice:
    """One slice of one network.

    Attributes:
        network: the network.
        slice: the slice.
        images: how many there are.
        settings: how many there are.
        runs: how many different arithmetics they are, the reference among them.
        runs_before: how many were finished when the sweep was interrupted.
        seconds_before: how long it had run.
        seconds_after: how long it took to go on to the end.
        same_bytes: whether a sweep that nothing interrupts writes the same; None where none ran.
        facts: what ``sweep.json`` has.
    """

    network: str
    slice: str
    images: int
    settings: int
    runs: int
    runs_before: int
    seconds_before: float
    seconds_after: float
    same_bytes: bool | None
    facts: Mapping[str, Any]


def swept_slices(
    images: Mapping[str, int], folder: Path, *, twice: bool = True
) -> list[SweptSlice]:
    """Sweep both slices of each network in ``images``, and interrupt each sweep half-way.

    Args:
        images: how many of each network's images.
        folder: where quantized models and sweeps go.
        twice: whether to sweep a second time without an interruption, and compare the files.
    """
    found: list[SweptSlice] = []
    for network in (network for network in NETWORKS if network.name in images):
        model = quantized(network, folder)
        found += [_swept(network, model, each, images[network.name], twice) for each in SLICES]
    return found


def print_slices(found: Sequence[SweptSlice]) -> None:
    """A table of the sweeps, and one of their marks."""
    keys = [key for key in asdict(found[0]) if key != "facts"]
    columns = [
        Column(key, key.replace("_", " "), ".1f" if key.startswith("seconds") else "")
        for key in keys
    ]
    rows: list[dict[str, Cell]] = [{key: getattr(each, key) for key in keys} for each in found]
    print_table(Table("Sweeps, interrupted half-way and resumed", tuple(columns), rows))
    marks: list[dict[str, Cell]] = [
        {
            "network": each.network,
            "axis": _last(mark["axis"]),
            "others": ", ".join(f"{_last(name)} {value}" for name, value in mark["others"].items()),
            "proved": mark["proved"],
            "unchanged": mark["unchanged"],
            "within": mark["within"],
        }
        for each in found
        for mark in each.facts["marks"]
        if mark["axis"].endswith("_bits")
    ]
    columns = [
        Column("network", "network"),
        Column("axis", "narrowest"),
        Column("others", "with"),
        Column("proved", "equal by proof"),
        Column("unchanged", "no bit changed"),
        Column("within", "at most 1 point lost"),
    ]
    print_table(Table("Narrowest settings", tuple(columns), marks))


def main() -> int:
    """Measure, print, and fail where an interruption changes a byte."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images")
    parser.add_argument("--only", choices=IMAGES, help="one network")
    parser.add_argument("--once", action="store_true", help="no second sweep to compare with")
    parser.add_argument("--keep", type=Path, help="an existing folder for models and sweeps")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    images = QUICK_IMAGES if arguments.quick else IMAGES
    if arguments.only:
        images = {arguments.only: images[arguments.only]}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        found = swept_slices(images, folder, twice=not arguments.once)
    print_slices(found)
    if arguments.json:
        rows = [asdict(each) for each in found]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 1 if any(each.same_bytes is False for each in found) else 0


def _swept(network: Network, model: Path, each: Slice, images: int, twice: bool) -> SweptSlice:
    output = model.parent / f"{network.name}-{each.name}"
    command = [sys.executable, "-m", "intaglio.cli", "sweep", str(model), "--quiet"]
    command += ["--data", str(network.path(network.images)), "--limit", str(images)]
    command += ["--preprocessing", network.preprocessing]
    command += ["--labels", str(network.label_file)] if network.labels else []
    for axis in each.axes:
        command += ["--axis", axis]
    before, runs_before = _interrupted([*command, "-o", str(output)], output)
    started = time.perf_counter()
    subprocess.run([*command, "-o", str(output)], check=True, stdout=subprocess.DEVNULL)
    after = time.perf_counter() - started
    same = None
    if twice:
        whole = output.with_name(f"{output.name}-whole")
        subprocess.run([*command, "-o", str(whole)], check=True, stdout=subprocess.DEVNULL)
        same = all((whole / name).read_bytes() == (output / name).read_bytes() for name in FILES)
    facts = json.loads((output / "sweep.json").read_text())
    return SweptSlice(
        network.name,
        each.name,
        images,
        facts["settings"],
        facts["runs"],
        runs_before,
        before,
        after,
        same,
        facts,
    )


def _interrupted(command: Sequence[str], output: Path) -> tuple[float, int]:
    """Start a sweep, and interrupt it when about half of its runs are finished."""
    settings = 1
    for axis in (part for part in command if part.startswith("contraction.")):
        settings *= axis.count(",") + 1
    started = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while running.poll() is None and len(list(output.glob("runs/*.json"))) < settings // 3:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    code = running.wait()
    seconds = time.perf_counter() - started
    if code != 130 or (output / "sweep.json").exists():
        raise RuntimeError(f"the sweep was over before it could be interrupted (exit code {code})")
    return seconds, len(list(output.glob("runs/*.json")))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
