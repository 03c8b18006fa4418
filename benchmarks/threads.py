# SPDX-License-Identifier: Apache-2.0
"""Compiled networks on several threads against the same object on one, one image, in turns.

    python -m benchmarks.threads NETWORK.intaglio [--threads 2] [--rounds 200]

Needs a C compiler named cc.  A round runs each a few times in a row, as a program that has many
images does.  Besides the medians there are the fastest twentieths, which show a machine that
other programs keep busy as it is in its quiet moments.
"""

import argparse
import ctypes
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import host
from intaglio.simulator.compiled.loading import address, aligned, pointers

REPEATS = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    graph = load(arguments.model)
    compiled = interface(graph, Borders.CODES).graph
    random = np.random.default_rng(0)
    inputs = [
        random.integers(0, 128, value.type.shape).astype(_dtype(value.type))
        for value in compiled.inputs
    ]
    types = [compiled.type_of(name) for name in compiled.outputs]
    outputs = [np.zeros(type.shape, _dtype(type)) for type in types]
    with TemporaryDirectory() as folder:
        artifact = write_artifact(graph, "net", Path(folder), host(), threads=arguments.threads)
        command = ["cc", "-O2", "-shared", "-fPIC", "-pthread", "net.o", "net_threads.c"]
        subprocess.run([*command, "-o", "net.so"], cwd=folder, check=True)
        arena = aligned(json.loads(artifact.manifest.read_text())["arena"]["bytes"])
        library = ctypes.CDLL(f"{folder}/net.so")
    start = library["net_threads_start"]
    start.restype = ctypes.c_void_p
    pool = ctypes.c_void_p(start(arguments.threads))
    share = ctypes.cast(library["net_threads_for"], ctypes.c_void_p)
    given = (
        pointers([address(array) for array in inputs]),
        pointers([address(array) for array in outputs]),
        ctypes.c_void_p(address(arena)),
    )
    runs: dict[str, Callable[[], object]] = {
        "1 thread": lambda: library["net_run"](*given),
        f"{arguments.threads} threads": lambda: library["net_run_parallel"](*given, share, pool),
    }
    results: list[list[bytes]] = []
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            times[name].append(_seconds(run))
            results.append([array.tobytes() for array in outputs])
    if any(result != results[0] for result in results):
        raise SystemExit("the bits differ")
    for name, found in times.items():
        found.sort()
        median, quiet = found[len(found) // 2], found[len(found) // 20]
        print(f"{name}: {1 / median:,.0f} images/s, in quiet moments {1 / quiet:,.0f}")


def _dtype(type: TensorType) -> "np.dtype[np.generic]":
    return type.integer.dtype


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(REPEATS):
        run()
    return (time.perf_counter() - began) / REPEATS


if __name__ == "__main__":
    main()
