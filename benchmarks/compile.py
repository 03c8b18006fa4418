# SPDX-License-Identifier: Apache-2.0
"""Time and memory from a `.intaglio` file to machine code that can be called: cold and cached.

    python -m benchmarks.compile [--profile ort-x86-vnni] [--repeats 3] [--json FILE]

Each measurement is a process of its own: cold with an empty cache folder, cached with the folder
that the cold one left.  It fails where MobileNetV1-0.75 takes more memory, or more of a processor's
time, than we want: the work has one thread, so that is its time on a machine of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.host import quantize
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.ir.file import save
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile

DEMANDED = NETWORKS[0]
COLD_SECONDS, CACHED_SECONDS, MOST_MEBIBYTES = 10.0, 0.5, 1536.0

# The kernel's high-water mark is of this process alone; its children, linkers, are small.
_MEASURED = """
import re, sys, time
from pathlib import Path
from intaglio.compiler.ir.file import load as read
from intaglio.simulator.compiled.loading import load
began, busy = time.perf_counter(), time.process_time()
load(read(Path(sys.argv[1])))
seconds, busy = time.perf_counter() - began, time.process_time() - busy
print(seconds, busy, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One network; the quickest of the repeats, since other work only adds to a time.

    Attributes:
        network: its name.
        cache: ``cold`` or ``cached``.
        seconds: from the file to a function that can be called.
        processor_seconds: what of that this process computed; less on a machine that others share.
        process_seconds: of the whole process, Python's start and all imports with it.
        peak_mebibytes: of the process's memory; the largest.
    """

    network: str
    cache: str
    seconds: float
    processor_seconds: float
    process_seconds: float
    peak_mebibytes: float


def main() -> int:
    """Measure and print; fail where the demand isn't met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="ort-x86-vnni")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    rows = [
        row
        for network in NETWORKS
        for row in measure(network, arguments.profile, arguments.repeats)
    ]
    columns = [
        Column(key, key.replace("_", " "), ".2f" if "seconds" in key else ".0f")
        for key in asdict(rows[0])
    ]
    cells = [asdict(row) for row in rows]
    print_table(Table("From a .intaglio file to loaded machine code", tuple(columns), cells))
    if arguments.json:
        arguments.json.write_text(json.dumps(cells, indent=2) + "\n", encoding="utf-8")
    missed = misses(rows)
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if missed else 0


def measure(network: Network, profile: str, repeats: int) -> list[Row]:
    """Each repeat starts from an empty cache."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        quantize(network, folder / "network.onnx")
        scaled = import_onnx(load_model(folder / "network.onnx"), network.name)
        file = folder / "network.intaglio"
        save(lower(scaled, load_profile(profile)), file)
        measured: dict[str, list[tuple[float, ...]]] = {"cold": [], "cached": []}
        for repeat in range(repeats):
            cache = folder / f"cache{repeat}"
            for column in measured.values():
                column.append(one_process(file, cache))
    rows: list[Row] = []
    for kind, column in measured.items():
        seconds, processor, process, memory = zip(*column, strict=True)
        times = min(seconds), min(processor), min(process)
        rows.append(Row(network.name, kind, *times, max(memory)))
    return rows


def one_process(file: Path, cache: Path) -> tuple[float, ...]:
    """Seconds of the work, of the processor and of the process; peak memory in mebibytes."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(file)],
        env={**os.environ, "INTAGLIO_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    process = time.perf_counter() - began
    seconds, processor, kibibytes = done.stdout.split()
    return float(seconds), float(processor), process, int(kibibytes) / 1024


def misses(rows: Sequence[Row]) -> list[str]:
    """A sentence for each demand that isn't met."""
    found: list[str] = []
    for row in rows:
        if row.network != DEMANDED.name:
            continue
        most = COLD_SECONDS if row.cache == "cold" else CACHED_SECONDS
        seconds = row.processor_seconds
        if seconds >= most:
            found.append(f"{row.network}, {row.cache}: {seconds:.2f} s, wanted {most:g}")
        if row.peak_mebibytes >= MOST_MEBIBYTES:
            found.append(f"{row.network}: {row.peak_mebibytes:.0f} MiB, wanted {MOST_MEBIBYTES:g}")
    return found


if __name__ == "__main__":
    sys.exit(main())
