# SPDX-License-Identifier: Apache-2.0
"""What it costs to make weights fit narrow accumulators: accuracy before and after the repair.

``python -m benchmarks.hardware_repair [--quick] [--json FILE]`` quantizes ResNet20 and
MobileNetV1-0.75 (per channel, 8 bits, min-max over 100 images), repairs them for several widths,
proves each repaired graph, and prints top-1 on 500 and 200 images.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import log10
from pathlib import Path

from benchmarks.ground_floor import quantized
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.batches import graph_specs
from intaglio.commands.data import Dataset, open_dataset
from intaglio.commands.models import LoweringOptions
from intaglio.commands.repair import OpenData, Repaired, accuracy, measure_repair, repair
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.fit_accumulators import FitMethod
from intaglio.numerics.accumulator import Overflow

CALIBRATION = 100
WIDTHS = (20, 18, 16, 14)
IMAGES = {"ResNet20": 500, "MobileNetV1-0.75": 200}


@dataclass(frozen=True, slots=True)
class Row:
    """One network at one width; accuracies are top-1 in percent.

    Attributes:
        network: its name.
        images: how many were classified.
        bits: the accumulators' width.
        wide: accuracy in wide accumulators, before.
        wrapped: before, in wrapping accumulators of this width.
        saturated: before, in saturating ones.
        repaired: after the repair, proved to overflow in no order.
        corrected: likewise, with biases corrected on 100 other images.
        channels: output channels whose weights are new, in percent.
        sqnr: of all the layers' weights, in dB.
        seconds: processor time of the repair and the proof.
    """

    network: str
    images: int
    bits: int
    wide: float
    wrapped: float
    saturated: float
    repaired: float
    corrected: float
    channels: float
    sqnr: float
    seconds: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for network in reversed(NETWORKS):
            if network.name in IMAGES:
                images = 50 if arguments.quick else IMAGES[network.name]
                rows += _rows(network, quantized(network, Path(folder)), images)
    _print(rows)
    if arguments.json:
        text = json.dumps([asdict(row) for row in rows], indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _rows(network: Network, model: Path, images: int) -> Iterator[Row]:
    def open_data(graph: Graph) -> Dataset:
        return open_dataset(
            network.path(network.images),
            inputs=graph_specs(graph),
            labels=network.label_file,
            preprocessing=network.preprocessing,
            limit=images,
        )

    def open_calibration(graph: Graph) -> Dataset:
        return open_dataset(
            network.path(network.calibration),
            inputs=graph_specs(graph),
            labels=network.label_file if network.calibration == network.images else None,
            preprocessing=network.preprocessing,
            limit=CALIBRATION,
            skip=images if network.calibration == network.images else 0,
        )

    for bits in WIDTHS:
        started = time.process_time()
        wrapping = _repaired(model, network, bits, Overflow.WRAP)
        seconds = time.process_time() - started
        saturating = _repaired(model, network, bits, Overflow.SATURATE)
        corrected = _repaired(model, network, bits, Overflow.WRAP, open_calibration)
        found = measure_repair(wrapping, open_data)
        saturated = accuracy(saturating.narrow, open_data)
        after = accuracy(corrected.after, open_data)
        signal = sum(float(layer.signal) for layer in wrapping.layers)
        noise = sum(float(layer.noise) for layer in wrapping.layers)
        changed = sum(layer.changed_channels for layer in wrapping.layers)
        row = Row(
            network.name,
            found.samples,
            bits,
            100 * found.before / found.samples,
            100 * found.narrow / found.samples,
            100 * saturated / found.samples,
            100 * found.after / found.samples,
            100 * after / found.samples,
            100 * changed / sum(layer.channels for layer in wrapping.layers),
            10 * log10(signal / noise),
            seconds,
        )
        print(row, file=sys.stderr, flush=True)
        yield row


def _repaired(
    model: Path,
    network: Network,
    bits: int,
    overflow: Overflow,
    calibration: OpenData | None = None,
) -> Repaired:
    options = LoweringOptions(batch=network.batch)
    return repair(model, bits, options, FitMethod.AUTO, overflow, calibration)


def _print(rows: Sequence[Row]) -> None:
    cells = [asdict(row) for row in rows]
    columns = [
        Column(key, key, ".1f" if isinstance(cell, float) else "") for key, cell in cells[0].items()
    ]
    print_table(Table("Repair for narrow accumulators, W8A8 per channel", tuple(columns), cells))


if __name__ == "__main__":
    sys.exit(main())
