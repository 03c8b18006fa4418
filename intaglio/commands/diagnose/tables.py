# SPDX-License-Identifier: Apache-2.0
"""A diagnosis as tables for people and as facts for scripts."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from intaglio.commands.diagnose.fidelity import Fidelity
from intaglio.commands.diagnose.report import ActivationReport, Diagnosis, WeightReport
from intaglio.commands.tables import Cell, Column, Table

EXACT = "exact"

_DECIBELS, _COSINE, _SHARE = ".1f", ".4f", ".3f"


def weights_table(found: Diagnosis, cosines: bool = True) -> Table:
    """A row for each layer with weights; SQNR in decibels."""
    columns = (
        Column("layer", "layer"),
        *_widths([row.bits for row in found.weights]),
        Column("use", "codes used,\nmedian\nchannel", _SHARE),
        Column("weights", "SQNR\nof the\nweights", _DECIBELS),
        *_errors("its\nresult", cosines),
    )
    return Table("Weights, worst first", columns, [_weight_row(row) for row in found.weights])


def activations_table(found: Diagnosis, cosines: bool = True) -> Table:
    """A row for each value that becomes codes; SQNR in decibels."""
    rows = [_activation_row(row) for row in found.activations]
    columns = (
        Column("value", "value"),
        *_widths([row.bits for row in found.activations]),
        Column("use", "codes\nused", _SHARE),
        Column("median", "median\nchannel", _SHARE),
        *((Column("beyond", "beyond\n%", ".2f"),) if any(row["beyond"] for row in rows) else ()),
        *_errors("the\nvalue", cosines),
    )
    return Table("Activations, worst first", columns, rows)


def _widths(bits: list[int]) -> tuple[Column, ...]:
    """A column for widths, unless all are the same."""
    return (Column("bits", "bits"),) if len(set(bits)) > 1 else ()


def _errors(here: str, cosines: bool) -> tuple[Column, ...]:
    columns = (
        Column("alone_here", f"alone:\n{here}", _DECIBELS),
        Column("alone_output", "alone:\nthe\noutput", _DECIBELS),
        Column("alone_cosine", "cosine", _COSINE),
        Column("together", f"together:\n{here}", _DECIBELS),
        Column("together_cosine", "cosine", _COSINE),
    )
    return tuple(one for one in columns if cosines or not one.key.endswith("cosine"))


def _weight_row(row: WeightReport) -> Mapping[str, Cell]:
    alone = row.alone
    return {
        "layer": row.node,
        "bits": row.bits,
        "use": row.use.channels_median,
        "weights": _decibels(row.weights),
        "alone_here": _decibels(None if alone is None else alone.here),
        "alone_output": _decibels(None if alone is None else alone.output),
        "alone_cosine": None if alone is None else alone.output.cosine,
        "together": _decibels(row.together),
        "together_cosine": None if row.together is None else row.together.cosine,
    }


def _activation_row(row: ActivationReport) -> Mapping[str, Cell]:
    alone = row.alone
    return {
        "value": row.name,
        "bits": row.bits,
        "use": row.use.codes,
        "median": row.use.channels_median,
        "beyond": None if row.use.beyond is None else 100 * row.use.beyond,
        "alone_here": _decibels(None if alone is None else alone.here),
        "alone_output": _decibels(None if alone is None else alone.output),
        "alone_cosine": None if alone is None else alone.output.cosine,
        "together": _decibels(row.together),
        "together_cosine": None if row.together is None else row.together.cosine,
    }


def _decibels(found: Fidelity | None) -> float | str | None:
    if found is None:
        return None
    return EXACT if found.decibels == math.inf else found.decibels


def summary(found: Diagnosis) -> list[str]:
    """What stands above the tables."""
    source = "of data"
    if found.noise:
        source = "of uniform noise over the range of the inputs"
    if found.synthetic:
        source = "that the recipe made, and calibrated with"
    output = found.output
    lines = [
        f"{found.model}, {found.samples} samples {source}",
        f"all together, as integers under {found.profile}: the output has "
        f"{_said(output.fidelity)} against the float network",
    ]
    if output.same_greatest is not None:
        lines.append(
            f"the greatest element of the output is the same on {output.same_greatest} "
            f"of {found.samples} samples"
        )
    if output.rewritten is not None and output.rewritten.largest_error > 0:
        lines.append(
            f"before it is rounded, the recipe's float network has {_said(output.rewritten)}"
        )
    return [*lines, *found.remarks]


def _said(found: Fidelity) -> str:
    if found.sqnr_db is None:
        return "no difference" if found.largest_error == 0 else "no signal"
    return f"{found.sqnr_db:.1f} dB, cosine {found.cosine or 0.0:.4f}"


def facts(found: Diagnosis) -> dict[str, Any]:
    """Everything as JSON has it; numbers that aren't finite become ``null``."""
    plain = asdict(replace(found, ranges=()))
    ranges = [
        {
            "node": one.node,
            "output": one.output,
            "before": one.before.tolist(),
            "after": None if one.after is None else one.after.tolist(),
        }
        for one in found.ranges
    ]
    del plain["ranges"]
    finite: dict[str, Any] = _finite({**plain, "weight_ranges": ranges})
    return finite


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(each) for key, each in value.items()}  # pyright: ignore
        case list() | tuple():
            return [_finite(each) for each in value]  # pyright: ignore
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
