# SPDX-License-Identifier: Apache-2.0
"""Statistics as a table, and as facts for JSON."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from intaglio.commands.statistics.layers import LayerStatistics
from intaglio.commands.tables import Cell, Column, Table
from intaglio.numerics.accumulator import Overflow
from intaglio.simulator.statistics import AccumulatorStatistics, CodeStatistics, Statistics

_LEVELS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 12

_PARTIAL = Column("registers", "partial", ",")
"""Shown where a partial sum overflowed: few machines have registers for them."""

_COLUMNS = (
    Column("layer", "layer"),
    Column("bits", "bits"),
    Column("wraps", "wraps", ","),
    Column("saturations", "saturated", ","),
    _PARTIAL,
    Column("least_headroom", "free"),
    Column("histogram", "free bits"),
    Column("low", "low %", ".2f"),
    Column("high", "high %", ".2f"),
)


def statistics_table(found: Sequence[LayerStatistics]) -> Table:
    """A row for each layer: its overflows, the bits its widest sum left free, its clamps."""
    rows = [_row(layer) for layer in found]
    columns = tuple(c for c in _COLUMNS if c is not _PARTIAL or any(row[c.key] for row in rows))
    return Table("Sums and clamps", columns, rows)


def _row(layer: LayerStatistics) -> Mapping[str, Cell]:
    sums = layer.sums
    wrapped = sum(sum(each.wrapped) + sum(each.stages) for each in layer.codes)
    wraps = sums is not None and sums.overflow is Overflow.WRAP
    overflows = 0 if sums is None else sum(sums.overflows)
    return {
        "layer": layer.layer,
        "bits": None if sums is None else sums.declared_bits,
        "wraps": overflows * wraps + wrapped,
        "saturations": None if sums is None else overflows * (not wraps),
        "registers": None if sums is None else sum(sums.registers),
        "least_headroom": None if sums is None else sums.least_headroom,
        "histogram": "" if sums is None else bars(sums.headroom),
        "low": None if layer.low is None else 100 * layer.low,
        "high": None if layer.high is None else 100 * layer.high,
    }


def bars(headroom: Mapping[int, int]) -> str:
    """A bar for each number of free bits, from the fewest on; heights are logarithmic.

    >>> bars({-1: 1, 0: 10, 2: 100})
    '▂▅ █'
    """
    if not headroom:
        return ""
    first, most = min(headroom), max(headroom.values())
    drawn = range(first, min(max(headroom) + 1, first + _MOST_BARS))
    return "".join(_bar(headroom.get(bits, 0), most) for bits in drawn)


def _bar(count: int, most: int) -> str:
    if count == 0:
        return " "
    return _LEVELS[round((len(_LEVELS) - 1) * log(1 + count) / log(1 + most))]


def summary(statistics: Statistics) -> str:
    """How much was counted, and what overflowed, in two lines."""
    total = statistics.total
    codes = max(total.codes, 1)
    return (
        f"of {total.results:,} sums {total.wraps:,} wrapped, {total.saturations:,} saturated "
        f"({total.additions:,} single additions)\nof {total.codes:,} codes "
        f"{100 * total.clamped_low / codes:.2f} % were cut off low, "
        f"{100 * total.clamped_high / codes:.2f} % high"
    )


def statistics_facts(statistics: Statistics, found: Sequence[LayerStatistics]) -> dict[str, Any]:
    """Everything that was counted, as JSON has it."""
    total = statistics.total
    return {
        "runs": statistics.runs,
        "total": {
            "sums": total.results,
            "wraps": total.wraps,
            "saturations": total.saturations,
            "additions": total.additions,
            "registers": total.registers,
            "codes": total.codes,
            "clamped_low": total.clamped_low,
            "clamped_high": total.clamped_high,
            "wrapped_codes": total.wrapped_codes,
            "stages": total.stages,
        },
        "layers": [
            {
                "layer": layer.layer,
                "sums": None if layer.sums is None else _sums(layer.sums),
                "codes": [_codes(each) for each in layer.codes],
            }
            for layer in found
        ],
    }


def _sums(sums: AccumulatorStatistics) -> dict[str, Any]:
    return {
        "name": sums.name,
        "declared_bits": sums.declared_bits,
        "overflow": sums.overflow.value,
        "results": sums.results,
        "overflows": list(sums.overflows),
        "additions": list(sums.additions),
        "registers": list(sums.registers),
        "headroom": {str(bits): count for bits, count in sums.headroom.items()},
        "least_headroom": sums.least_headroom,
        "lowest": None if sums.lowest is None else list(sums.lowest),
        "highest": None if sums.highest is None else list(sums.highest),
    }


def _codes(codes: CodeStatistics) -> dict[str, Any]:
    return {
        "name": codes.name,
        "results": codes.results,
        "low": list(codes.low),
        "high": list(codes.high),
        "wrapped": list(codes.wrapped),
        "stages": list(codes.stages),
    }
