# SPDX-License-Identifier: Apache-2.0
"""What a sweep found, for a terminal."""

from collections.abc import Container

from intaglio.commands.sweep.result import Mark, Row, SweepResult, marked, short_names
from intaglio.commands.tables import Cell, Column, Table

MOST_ROWS = 64
"""Beyond this the table has the marked settings and the Pareto front alone; files have all."""


def summary(result: SweepResult) -> list[str]:
    """The sentences above the tables."""
    reference, tally = result.reference_setting, result.reference
    held = (
        "the hardware as it is, with exact sums"
        if reference is None
        else ", ".join(f"{name}={value}" for name, value in reference.items())
    )
    accuracy = ""
    if tally.labelled:
        accuracy = f", top-1 {100 * tally.correct / tally.labelled:.2f} %"
    return [
        f"{result.model}, hardware {result.hardware}: {len(result.rows)} settings, "
        f"{result.runs} runs of {tally.samples} samples, the reference's among them; "
        "settings proved identical share one",
        f"reference: {held}{accuracy}",
    ]


def settings_table(result: SweepResult) -> Table:
    """A row for each setting."""
    names = short_names([axis.name for axis in result.axes])
    unchanged, within = marked(result, "unchanged"), marked(result, "within")
    front = result.front
    shown = [
        number
        for number in range(len(result.rows))
        if len(result.rows) <= MOST_ROWS or number in front or unchanged[number] or within[number]
    ]
    rows: list[dict[str, Cell]] = [
        {
            **{axis.name: result.rows[number].setting[axis.name] for axis in result.varying},
            **_cells(result, result.rows[number]),
            "pareto": "*" if number in front else "",
        }
        for number in shown
    ]
    hidden = len(result.rows) - len(shown)
    title = "settings, and which share of output values and of their bits changed"
    if hidden:
        title += f" (files have {hidden} settings more)"
    lost = "lost" if result.reference.labelled else "% other class"
    columns = [Column(axis.name, names[axis.name]) for axis in result.varying]
    if result.reference.labelled:
        columns.append(Column("top1", "top-1 %", ".2f"))
    columns += [
        Column("lost", lost, ".2f"),
        Column("values", "values %", ".3f"),
        Column("bits", "bits %", ".4f"),
        Column("overflows", "overflows", ","),
        Column("kept", "equal"),
        Column("pareto", "front"),
    ]
    return Table(title, tuple(columns), rows)


def _cells(result: SweepResult, row: Row) -> dict[str, Cell]:
    tally = row.tally
    if tally is None:
        cells: dict[str, Cell] = dict.fromkeys(("top1", "lost", "values", "bits", "overflows"))
        return {**cells, "kept": "refused"}
    kept = "by proof" if row.proved else "on data" if row.unchanged else ""
    return {
        "top1": 100 * tally.correct / tally.labelled if tally.labelled else None,
        "lost": float(result.lost(tally)),
        "values": 100 * tally.differing_values / max(tally.values, 1),
        "bits": 100 * tally.differing_bits / max(tally.bits, 1),
        "overflows": sum(tally.overflows.values()) if tally.overflows else None,
        "kept": kept,
    }


def marks_table(result: SweepResult) -> Table:
    """The narrowest values of each axis."""
    names = short_names([axis.name for axis in result.axes])
    varying = {axis.name for axis in result.varying}
    rows: list[dict[str, Cell]] = [
        {
            "axis": names[mark.axis],
            "others": _others(mark, names, varying),
            "proved": mark.proved or "none",
            "unchanged": mark.unchanged or "none",
            "within": mark.within or "none",
        }
        for mark in result.marks
    ]
    points = f"{float(result.points):g}"
    columns = (
        Column("axis", "narrowest"),
        Column("others", "with"),
        Column("proved", "equal by proof"),
        Column("unchanged", "no bit changed"),
        Column("within", f"at most {points} lost"),
    )
    return Table("marks", columns, rows[:MOST_ROWS])


def refusals(result: SweepResult) -> list[str]:
    """A sentence for each setting that this network can't have."""
    return [
        f"refused {', '.join(f'{name}={value}' for name, value in row.setting.items())}: "
        f"{row.refused}"
        for row in result.rows
        if row.refused
    ]


def _others(mark: Mark, names: dict[str, str], varying: Container[str]) -> str:
    return ", ".join(
        f"{names[name]}={value}" for name, value in mark.others.items() if name in varying
    )
