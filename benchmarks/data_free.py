# SPDX-License-Identifier: Apache-2.0
"""What the recipes reach: the integer simulator's accuracy beside float, on the shared images.

``python -m benchmarks.data_free [--only TEXT] [--ablation] [--images N] [--json FILE]`` quantizes
the real networks, runs every image through float, through the written QDQ file in ONNX Runtime, and
through the integers under ``single-rounding``, and prints the table of the README.  ``--ablation``
switches each step of ``dfq`` off, and others on, for both MobileNets.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx_ir as ir

from benchmarks.data_free_cases import CASES, Case, ablations
from benchmarks.integer_accuracy import BATCH, Scores, integer_accuracy
from benchmarks.networks import data_folder
from intaglio.commands.data import open_dataset
from intaglio.commands.float_models import dataset_feeds, input_specs
from intaglio.commands.integer_side import IntegerSide
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import load_choices, quantize

CALIBRATION = 100


@dataclass(frozen=True, slots=True)
class Reached:
    """One network in one setting; accuracies and shares in percent.

    Attributes:
        network: its name.
        setting: recipe, widths, granularity.
        images: how many were evaluated.
        float_top1: of the float network, None where there are no labels.
        onnx_runtime_top1: of the written file in ONNX Runtime.
        integer_top1: of the integers.
        loss: float less integers, in points.
        target: the most that may be lost, None where nothing is asked.
        same_class: of how many inputs the integers find float's class.
        divergence: mean Kullback-Leibler divergence of the integers' classes from float's, nats.
        signal_to_noise: of the outputs, decibels.
        seconds: of the recipe.
    """

    network: str
    setting: str
    images: int
    float_top1: float | None
    onnx_runtime_top1: float | None
    integer_top1: float | None
    loss: float | None
    target: float | None
    same_class: float
    divergence: float
    signal_to_noise: float
    seconds: float


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--ablation", action="store_true", help="dfq without each of its steps")
    parser.add_argument("--images", type=int, help="evaluate no more than this many")
    parser.add_argument("--json", type=Path, help="write the figures, after each")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    cases = ablations() if arguments.ablation else CASES
    chosen = [case for case in cases if (arguments.only or "") in case.name]
    found: list[Reached] = []
    for case in chosen:
        found.append(reach(case, arguments.images))
        print(json.dumps(asdict(found[-1])), flush=True)
        if arguments.json:
            rows = [asdict(row) for row in found]
            arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    _print(found)


def reach(case: Case, limit: int | None = None) -> Reached:
    """Quantize and evaluate one case."""
    model = load_model(data_folder() / case.network.model)
    choices = load_choices(case.recipe).changed(case.settings)
    data = list(_feeds(case, model, CALIBRATION)) if choices.needs_data else None
    (name,) = (value.name or "" for value in model.graph.inputs)
    stated = {} if case.input_range is None else {name: case.input_range}
    started = time.perf_counter()
    result = quantize(
        model, choices, data=data, input_ranges=stated, integer_side=IntegerSide(), measure=False
    )
    seconds = time.perf_counter() - started
    with TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        save_model(result.model, path)
        accuracy = integer_accuracy(
            case.network,
            model,
            load_model(path),
            profile=case.profile,
            preprocessing=case.preprocessing,
            limit=limit,
        )
    top1, integers = accuracy.float_top1, accuracy.integer_top1
    return Reached(
        network=case.network.name,
        setting=case.setting,
        **asdict(accuracy),
        loss=None if top1 is None or integers is None else top1 - integers,
        target=case.target,
        seconds=seconds,
    )


def _feeds(case: Case, model: ir.Model, count: int) -> Iterator[Mapping[str, Scores]]:
    network = case.network
    dataset = open_dataset(
        data_folder() / network.calibration,
        inputs=input_specs(model),
        labels=network.label_file if network.calibration == network.images else None,
        preprocessing=case.preprocessing or network.preprocessing,
        limit=count,
    )
    yield from dataset_feeds(model, dataset, BATCH)


def _print(rows: Sequence[Reached]) -> None:
    columns = (
        Column("network", "network"),
        Column("setting", "setting"),
        Column("images", "images"),
        Column("float_top1", "float", ".1f"),
        Column("onnx_runtime_top1", "QDQ in ORT", ".1f"),
        Column("integer_top1", "integers", ".1f"),
        Column("loss", "loss", ".1f"),
        Column("target", "allowed", ".1f"),
        Column("same_class", "same class", ".1f"),
        Column("divergence", "KL", ".4f"),
        Column("signal_to_noise", "SQNR dB", ".1f"),
        Column("seconds", "s", ".1f"),
    )
    print_table(Table("Integers beside float, %", columns, [asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
