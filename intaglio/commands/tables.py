# SPDX-License-Identifier: Apache-2.0
"""Rows for people and for scripts: one table, printed to the terminal or written as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

Cell = str | int | float | bool | None
"""``None`` is an empty cell, and ``null`` in JSON."""


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` finds the cell in a row; ``heading`` stands above it; ``format`` is a format spec.

    The format applies to numbers in the printed table alone: JSON has the values themselves.
    """

    key: str
    heading: str
    format: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and rows that have a cell for each column's key and may have more for JSON."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Cell]]


def print_table(table: Table, console: Console | None = None) -> None:
    """Print the table on standard output, folded to the terminal; unfolded where there is none."""
    console = console or Console()
    rich_table = RichTable(title=Text(table.title), title_justify="left")
    for column in table.columns:
        cells = [row[column.key] for row in table.rows]
        numeric = all(cell is None or _is_number(cell) for cell in cells)
        rich_table.add_column(
            Text(column.heading),
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
        )
    for row in table.rows:
        rich_table.add_row(*(Text(_text(row[c.key], c.format)) for c in table.columns))
    _print_unfolded_in_files(rich_table, console)


def print_pairs(title: str, pairs: Mapping[str, str], console: Console | None = None) -> None:
    """Print a table of names and what they are, folded to the terminal."""
    rich_table = RichTable(title=Text(title), title_justify="left", show_header=False)
    rich_table.add_column(no_wrap=True)
    rich_table.add_column(overflow="fold")
    for name, value in pairs.items():
        rich_table.add_row(Text(name), Text(value))
    _print_unfolded_in_files(rich_table, console or Console())


def to_json(table: Table) -> str:
    """Return the rows as a JSON array of objects; numbers that aren't finite become ``null``."""
    rows = [
        {
            key: None if isinstance(cell, float) and not math.isfinite(cell) else cell
            for key, cell in row.items()
        }
        for row in table.rows
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)


def _print_unfolded_in_files(rich_table: RichTable, console: Console) -> None:
    if not console.is_terminal:
        unbounded = console.options.update(max_width=1 << 16)
        console.width = max(1, Measurement.get(console, unbounded, rich_table).maximum)
    console.print(rich_table)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _text(cell: Cell, spec: str) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case str():
            return cell
        case _:
            return format(cell, spec)
