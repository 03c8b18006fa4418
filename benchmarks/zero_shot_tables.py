# SPDX-License-Identifier: Apache-2.0
"""The tables that ``benchmarks.zero_shot`` prints."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from statistics import fmean

from benchmarks.zero_shot_cases import Case, with_references
from benchmarks.zero_shot_results import Results, Spread, least_mean, results_of, spread_of
from intaglio.commands.tables import Cell, Column, Table, print_table

_REACHED = (
    Column("network", "network"),
    Column("setting", "setting"),
    Column("float_top1", "float", ".1f"),
    Column("real", "real", ".1f"),
    Column("noise", "noise", ".1f"),
    Column("mean", "mean", ".1f"),
    Column("spread", "spread"),
    Column("wanted", "wanted"),
    Column("met", "met"),
    Column("seconds", "data s", ".0f"),
    Column("peak", "MiB", ".0f"),
)
_COMPARED = (
    Column("network", "network"),
    Column("setting", "setting"),
    Column("mean", "mean", ".1f"),
    Column("spread", "spread"),
    Column("same_class", "same class", ".1f"),
    Column("divergence", "KL", ".3f"),
    Column("loss", "loss", ".4g"),
    Column("seconds", "data s", ".0f"),
)


def print_reached(cases: Sequence[Case], results: Results, seeds: int, images: int | None) -> bool:
    """Each case beside real data and noise, top-1 in percent; whether all that is known is met."""
    rows = [_reached(case, results, seeds, images) for case in cases]
    print_table(Table("Integers on data from the weights alone, %", _REACHED, rows))
    for case in cases:
        for result in results_of(case, results, seeds, images):
            if result.refused is not None:
                print(f"{case.name}, seed {result.seed}: {result.refused}")
    return all(row["met"] is not False for row in rows)


def print_compared(cases: Sequence[Case], results: Results, seeds: int, images: int | None) -> None:
    """Each case after what it is held against, a row each."""
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for case in with_references(cases):
        found = results_of(case, results, seeds, images)
        losses = [result.last_loss for result in found if result.last_loss is not None]
        setting = case.setting
        if case.recipe not in setting:
            setting += f", {case.recipe}"
        rows[case.key(0, images), setting] = {
            "network": case.network.name,
            "setting": setting,
            **_cells(spread_of(found)),
            "loss": fmean(losses) if losses else None,
            "seconds": _mean_seconds(case, results, seeds, images),
        }
    print_table(Table("Parts of the ways to make data, %", _COMPARED, list(rows.values())))


def _reached(case: Case, results: Results, seeds: int, images: int | None) -> dict[str, Cell]:
    found = results_of(case, results, seeds, images)
    spread = spread_of(found)
    real, noise = (
        None if case.refused_with else spread_of(results_of(other, results, seeds, images))
        for other in (case.real(), case.noise())
    )
    wanted = [(each, least_mean(each, results, seeds, images)) for each in case.demands]
    words = "; ".join(demand.words(least) for demand, least in wanted)
    met: bool | None = None
    if case.refused_with is not None and found:
        met = all(case.refused_with in (result.refused or "") for result in found)
    elif any(result.refused is not None for result in found):
        met = False
    elif spread is not None and case.demands:
        # Percents of images are no binary fractions.
        reached = [None if least is None else spread.mean >= least - 1e-9 for _, least in wanted]
        met = None if None in reached else all(reached)
    return {
        "network": case.network.name,
        "setting": case.setting,
        **_cells(spread),
        "real": None if real is None else real.mean,
        "noise": None if noise is None else noise.mean,
        "wanted": "refused" if case.refused_with else words,
        "met": met,
        "seconds": _mean_seconds(case, results, seeds, images),
        "peak": max((result.peak_mebibytes for result in found), default=None),
    }


def _cells(spread: Spread | None) -> dict[str, Cell]:
    if spread is None:
        return {**dict.fromkeys(field.name for field in fields(Spread)), "spread": ""}
    return {**asdict(spread), "spread": f"{spread.least:.1f}..{spread.most:.1f}"}


def _mean_seconds(case: Case, results: Results, seeds: int, images: int | None) -> float | None:
    found = results_of(case, results, seeds, images)
    seconds = [result.data_seconds for result in found if result.data_seconds is not None]
    return fmean(seconds) if seconds else None
