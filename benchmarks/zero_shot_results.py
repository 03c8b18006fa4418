# SPDX-License-Identifier: Apache-2.0
"""The results of ``benchmarks.zero_shot``: kept in a file, so that several runs add up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.integer_accuracy import Accuracy
from benchmarks.zero_shot_cases import Case, Demand
from benchmarks.zero_shot_run import Result

Results = Mapping[str, Result]
"""By key."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Over seeds: what integers reach, in percent, and how far they stray from float."""

    mean: float
    least: float
    most: float
    divergence: float
    same_class: float
    float_top1: float


def read_results(path: Path | None) -> dict[str, Result]:
    """What earlier runs have left, by key; nothing where there is no file yet."""
    if path is None or not path.exists():
        return {}
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for row in found:
        row["accuracy"] = row["accuracy"] and Accuracy(**row["accuracy"])
    return {row["key"]: Result(**row) for row in found}


def add_result(path: Path, result: Result) -> None:
    """Add to the file, or replace; what another run has added meanwhile stays."""
    kept = {**read_results(path), result.key: result}
    text = json.dumps([asdict(row) for row in kept.values()], indent=2) + "\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def results_of(case: Case, results: Results, seeds: int, images: int | None) -> list[Result]:
    """Those that there are, seed by seed."""
    keys = (case.key(seed, images) for seed in case.seeds(seeds))
    return [results[key] for key in keys if key in results]


def spread_of(found: Sequence[Result]) -> Spread | None:
    """Over the seeds; None where nothing was evaluated."""
    kept = [result.accuracy for result in found if result.accuracy is not None]
    tops = [accuracy.integer_top1 for accuracy in kept if accuracy.integer_top1 is not None]
    if not tops:
        return None
    return Spread(
        mean=fmean(tops),
        least=min(tops),
        most=max(tops),
        divergence=fmean(accuracy.divergence for accuracy in kept),
        same_class=fmean(accuracy.same_class for accuracy in kept),
        float_top1=kept[0].float_top1 or 0.0,
    )


def least_mean(demand: Demand, results: Results, seeds: int, images: int | None) -> float | None:
    """What is asked for, in percent; None where what it is held against isn't known."""
    reference = spread_of(results_of(demand.reference, results, seeds, images))
    return None if reference is None else reference.mean + demand.points
