# SPDX-License-Identifier: Apache-2.0
"""Corner vectors and faults on real networks: what is hit, and how long one fault takes.

``python -m benchmarks.hardware_vectors [--count N] [--json FILE]`` quantizes the networks as the
ground floor does; times are of the processor, one thread.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.ground_floor import quantized
from benchmarks.networks import NETWORKS, Network
from intaglio.commands.batches import graph_feeds, graph_specs
from intaglio.commands.data import open_dataset
from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.commands.tables import Column, Table, print_table
from intaglio.commands.vectors import write_vectors
from intaglio.compiler.ir.graph import Graph
from intaglio.simulator.faults import FaultModel, FaultyRuns, Storage, sample_faults
from intaglio.simulator.vectorized import Program, one_blas_thread

MEASURED = ("MobileNetV1-0.75", "ResNet20")


@dataclass(frozen=True, slots=True)
class Vectors:
    """Corner vectors of one network."""

    network: str
    layers: int
    vectors: int
    hit: int
    reachable: int
    impossible: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Injections:
    """Faults in one kind of storage of one network, each into one image."""

    network: str
    storage: str
    faults: int
    masked: int
    critical: int
    milliseconds: float
    of_a_run: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="faults of each kind of storage")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    vectors: list[Vectors] = []
    injections: list[Injections] = []
    with tempfile.TemporaryDirectory() as folder, one_blas_thread():
        for network in (each for each in NETWORKS if each.name in MEASURED):
            options = LoweringOptions("single-rounding")
            graph = open_fixed(quantized(network, Path(folder)), options)
            vectors.append(_vectors(network, graph, Path(folder) / network.name))
            injections.extend(_injections(network, graph, arguments.count))
    _print("intaglio vectors --channels 0, single-rounding", vectors)
    _print("one fault into one image, single-rounding; of a run: of one without faults", injections)
    if arguments.json:
        figures = {
            "vectors": [asdict(row) for row in vectors],
            "faults": [asdict(row) for row in injections],
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _vectors(network: Network, graph: Graph, folder: Path) -> Vectors:
    start = time.process_time()
    coverage = write_vectors(graph, folder, 0)
    return Vectors(
        network.name,
        len(coverage.layers),
        sum(len(each.targets) for each in coverage.layers),
        sum(each.hit for each in coverage.layers),
        sum(each.reachable for each in coverage.layers),
        sum(each.impossible for each in coverage.layers),
        time.process_time() - start,
    )


def _injections(network: Network, graph: Graph, count: int) -> list[Injections]:
    dataset = open_dataset(
        network.path(network.images),
        inputs=graph_specs(graph),
        labels=network.label_file,
        preprocessing=network.preprocessing,
        limit=4,
    )
    feeds = [graph_feeds(graph, batch.inputs) for batch in dataset.batches(1)]
    program = Program(graph)
    program.run(feeds[0])
    start = time.process_time()
    for feed in feeds:
        program.run(feed)
    clean = (time.process_time() - start) / len(feeds)
    runs = FaultyRuns(graph, feeds[:1])
    rows: list[Injections] = []
    for storage in Storage:
        faults = sample_faults(graph, [storage], FaultModel.FLIP, count, 0)
        if not faults:
            continue
        start = time.process_time()
        outcomes = [runs.outcome(fault, [1]) for fault in faults]
        seconds = (time.process_time() - start) / len(faults)
        rows.append(
            Injections(
                network.name,
                storage.value,
                len(faults),
                sum(each.masked for each in outcomes),
                sum(each.critical for each in outcomes),
                1000 * seconds,
                seconds / clean,
            )
        )
    return rows


def _print(title: str, rows: Sequence[Vectors | Injections]) -> None:
    cells = [asdict(row) for row in rows]
    columns = [
        Column(key, key.replace("_", " "), ".2f" if isinstance(cell, float) else "")
        for key, cell in cells[0].items()
    ]
    print_table(Table(title, tuple(columns), cells))


if __name__ == "__main__":
    main()
