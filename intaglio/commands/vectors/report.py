# SPDX-License-Identifier: Apache-2.0
"""Which corners the vectors hit, for people and for scripts."""

from collections.abc import Sequence
from typing import Any

from intaglio.commands.tables import Cell, Column, Table
from intaglio.commands.vectors.making import Coverage, LayerVectors
from intaglio.commands.vectors.presets import PresetVectors

_COUNTS = (
    Column("vectors", "vectors", ","),
    Column("hit", "hit", ","),
    Column("reachable", "reachable", ","),
    Column("percent", "%", ".2f"),
    Column("impossible", "impossible", ","),
)


def percent(hit: int, reachable: int) -> float:
    """How much of what can be hit is hit."""
    return 100.0 * hit / reachable if reachable else 100.0


def coverage_table(coverage: Coverage) -> Table:
    """A row for each layer, and their sum."""
    rows = [_layer_row(each) for each in coverage.layers]
    rows.append(_total([dict(row) for row in rows], "layer"))
    columns = (Column("layer", "layer"), Column("terms", "terms", ","), *_COUNTS)
    return Table(f"corners of {coverage.graph}", columns, rows)


def preset_table(profile: str, presets: Sequence[PresetVectors]) -> Table:
    """A row for each requantizer, and their sum."""
    rows: list[dict[str, Cell]] = [
        {
            "name": each.name,
            "rule": each.rule,
            "vectors": each.vectors,
            "hit": each.hit,
            "reachable": each.reachable,
            "percent": percent(each.hit, each.reachable),
            "impossible": each.impossible,
        }
        for each in presets
    ]
    rows.append(_total([dict(row) for row in rows], "name"))
    columns = (Column("name", "vectors of"), Column("rule", "rule"), *_COUNTS)
    return Table(f"corners of profile {profile}", columns, rows)


def coverage_facts(coverage: Coverage) -> dict[str, Any]:
    """The coverage as JSON has it; the manifest names every bin."""
    table = coverage_table(coverage)
    return {
        "graph": coverage.graph,
        "output": str(coverage.output),
        "layers": list(table.rows[:-1]),
        "total": table.rows[-1],
        "not_covered": [
            {"layer": each.node.source or each.node.name, "why": each.why}
            for each in coverage.skipped
        ],
    }


def coverage_notes(coverage: Coverage) -> str:
    """What is missed although it isn't proved impossible, and what isn't covered."""
    lines = [
        f"not covered: {each.node.source or each.node.name}: {each.why}"
        for each in coverage.skipped
    ]
    for vectors in coverage.layers:
        open_bins = [each for each in vectors.missed if not each.impossible]
        lines.extend(
            f"missed: {_name(vectors)}, channel {each.channel}: {each.bin}: {each.why}"
            for each in open_bins[:3]
        )
        if len(open_bins) > 3:
            lines.append(f"missed: {_name(vectors)}: {len(open_bins) - 3} more, in manifest.json")
    return "\n".join(lines)


def _name(vectors: LayerVectors) -> str:
    node = vectors.layer.node
    return node.source or node.name


def _layer_row(vectors: LayerVectors) -> dict[str, Cell]:
    from intaglio.commands.vectors.layers import terms

    return {
        "layer": _name(vectors),
        "terms": terms(vectors.layer),
        "vectors": len(vectors.targets),
        "hit": vectors.hit,
        "reachable": vectors.reachable,
        "percent": percent(vectors.hit, vectors.reachable),
        "impossible": vectors.impossible,
    }


def _total(rows: Sequence[dict[str, Cell]], heading: str) -> dict[str, Cell]:
    def sum_of(key: str) -> int:
        return sum(cell for row in rows if isinstance(cell := row[key], int))

    total: dict[str, Cell] = dict.fromkeys(rows[0]) if rows else {}
    hit, reachable = sum_of("hit"), sum_of("reachable")
    return total | {
        heading: "total",
        "vectors": sum_of("vectors"),
        "hit": hit,
        "reachable": reachable,
        "percent": percent(hit, reachable),
        "impossible": sum_of("impossible"),
    }
