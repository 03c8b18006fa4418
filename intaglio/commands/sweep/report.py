# SPDX-License-Identifier: Apache-2.0
"""What a sweep found as JSON and as CSV; the same results are the same bytes."""

import csv
import io
import json
from typing import Any

from intaglio.commands.sweep.result import Row, SweepResult, marked
from intaglio.commands.sweep.tally import Tally

SCHEMA_VERSION = 1


def facts(result: SweepResult) -> dict[str, Any]:
    """The result as JSON has it."""
    front = result.front
    return {
        "schema": SCHEMA_VERSION,
        "model": result.model,
        "hardware": result.hardware,
        "settings": len(result.rows),
        "runs": result.runs,
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in result.axes],
        "reference": {
            "setting": None if result.reference_setting is None else dict(result.reference_setting),
            **_counts(result, result.reference),
        },
        "points": float(result.points),
        "marks": [
            {
                "axis": mark.axis,
                "others": dict(mark.others),
                "proved": mark.proved,
                "unchanged": mark.unchanged,
                "within": mark.within,
            }
            for mark in result.marks
        ],
        "rows": [
            {
                "setting": dict(row.setting),
                "run": row.run or None,
                "proved": row.proved,
                "pareto": number in front,
                "refused": row.refused or None,
                **({} if row.tally is None else _counts(result, row.tally)),
            }
            for number, row in enumerate(result.rows)
        ],
    }


def to_json(result: SweepResult) -> str:
    """The facts as text."""
    return json.dumps(facts(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(result: SweepResult) -> str:
    """A line for each setting, fields in the heading."""
    overflows = _overflow_names(result)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(
        [
            *(axis.name for axis in result.axes),
            *_COLUMNS,
            *(f"overflows.{name}" for name in overflows),
            "proved",
            "pareto",
            "narrowest_proved",
            "narrowest_unchanged",
            "narrowest_within",
            "run",
            "refused",
        ]
    )
    front = result.front
    proved, unchanged, within = (marked(result, kind) for kind in ("proved", "unchanged", "within"))
    for number, row in enumerate(result.rows):
        writer.writerow(
            [
                *(row.setting[axis.name] for axis in result.axes),
                *_cells(result, row, overflows),
                _word(row.proved),
                _word(number in front),
                " ".join(proved[number]),
                " ".join(unchanged[number]),
                " ".join(within[number]),
                row.run,
                row.refused,
            ]
        )
    return written.getvalue()


_COLUMNS = (
    "samples",
    "labelled",
    "correct",
    "top1",
    "points_lost",
    "same_class",
    "values",
    "differing_values",
    "differing_value_rate",
    "bits",
    "differing_bits",
    "bit_flip_rate",
)


def _counts(result: SweepResult, tally: Tally) -> dict[str, Any]:
    """Exact counts, and the rates that follow from them."""
    counts = tally.facts()
    overflows = counts.pop("overflows")
    return {
        **counts,
        "top1": 100 * tally.correct / tally.labelled if tally.labelled else None,
        "points_lost": float(result.lost(tally)),
        "differing_value_rate": tally.differing_values / max(tally.values, 1),
        "bit_flip_rate": tally.differing_bits / max(tally.bits, 1),
        "overflows": overflows,
    }


def _cells(result: SweepResult, row: Row, overflows: list[str]) -> list[object]:
    if row.tally is None:
        return [""] * (len(_COLUMNS) + len(overflows))
    counts = _counts(result, row.tally)
    cells = ["" if counts[name] is None else counts[name] for name in _COLUMNS]
    return [*cells, *(row.tally.overflows.get(name, "") for name in overflows)]


def _overflow_names(result: SweepResult) -> list[str]:
    return sorted({name for row in result.rows if row.tally for name in row.tally.overflows})


def _word(truth: bool) -> str:
    return "yes" if truth else "no"
