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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from benchmarks.data_free_cases import CASES, Case, ablations
from benchmarks.networks import data_folder
from intaglio.commands.data import open_dataset
from intaglio.commands.engines import fastest_engine, prepare
from intaglio.commands.float_models import dataset_feeds, input_specs
from intaglio.commands.integer_side import IntegerSide
from intaglio.commands.tables import Column, Table, print_table
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import load_choices, quantize
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile

BATCH = 10
CALIBRATION = 100

Scores = NDArray[Any]


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


@dataclass(frozen=True, slots=True)
class _Scores:
    """Every image's outputs by three ways, and its label."""

    real: list[Scores] = field(default_factory=list[Scores])
    written: list[Scores] = field(default_factory=list[Scores])
    integer: list[Scores] = field(default_factory=list[Scores])
    labels: list[Scores] = field(default_factory=list[Scores])


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
        scores = _evaluate(case, model, load_model(path), limit)
    return _judge(case, scores, seconds)


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


def _evaluate(case: Case, model: ir.Model, quantized: ir.Model, limit: int | None) -> _Scores:
    real, written = Session(model), Session(quantized)
    graph = lower(import_onnx(quantized, "quantized", BATCH), load_profile(case.profile))
    run = prepare(graph, fastest_engine(graph))
    dataset = open_dataset(
        data_folder() / case.network.images,
        inputs=input_specs(model),
        labels=case.network.label_file,
        preprocessing=case.preprocessing or case.network.preprocessing,
        limit=limit,
    )
    scores = _Scores()
    (given,), (output,) = graph.inputs, graph.outputs
    for batch in dataset.batches(BATCH, 0):
        feeds, count = batch.inputs, len(next(iter(batch.inputs.values())))
        for session, kept in ((real, scores.real), (written, scores.written)):
            (found,) = session.run(feeds).values()
            kept.append(found.reshape(count, -1))
        (array,) = feeds.values()
        padded = np.concatenate([array, np.repeat(array[-1:], BATCH - count, axis=0)])
        scores.integer.append(run({given.name: padded}, None)[output][:count].reshape(count, -1))
        if batch.labels is not None:
            scores.labels.append(batch.labels)
    return scores


def _judge(case: Case, scores: _Scores, seconds: float) -> Reached:
    real, written, integer = (
        np.concatenate(kept).astype(np.float64)
        for kept in (scores.real, scores.written, scores.integer)
    )
    top: list[float | None] = [None, None, None]
    if scores.labels:
        labels = np.concatenate(scores.labels)
        top = [100 * float((kept.argmax(1) == labels).mean()) for kept in (real, written, integer)]
    noise = np.square(real - integer).sum()
    expected, found = _log_softmax(real), _log_softmax(integer)
    return Reached(
        network=case.network.name,
        setting=case.setting,
        images=len(real),
        float_top1=top[0],
        onnx_runtime_top1=top[1],
        integer_top1=top[2],
        loss=None if top[0] is None or top[2] is None else top[0] - top[2],
        target=case.target,
        same_class=100 * float((real.argmax(1) == integer.argmax(1)).mean()),
        divergence=float((np.exp(expected) * (expected - found)).sum(1).mean()),
        signal_to_noise=10 * float(np.log10(np.square(real).sum() / noise)),
        seconds=seconds,
    )


def _log_softmax(scores: Scores) -> Scores:
    shifted = scores - scores.max(axis=1, keepdims=True)
    result: Scores = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


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
