# SPDX-License-Identifier: Apache-2.0
import io
import json
import math
import re

from rich.console import Console

from intaglio.commands.tables import Column, Table, print_table, to_json

TABLE = Table(
    "Layers [all]",
    (Column("name", "layer"), Column("bits", "bits"), Column("top1", "top-1", ".3f")),
    (
        {"name": "conv [1]", "bits": 18, "top1": 0.85249, "engine": "reference"},
        {"name": "fc " * 40, "bits": None, "top1": math.nan, "engine": "vectorized"},
    ),
)


def printed(terminal: bool) -> list[str]:
    stream = io.StringIO()
    print_table(TABLE, Console(file=stream, width=60, force_terminal=terminal, no_color=True))
    return stream.getvalue().splitlines()


def test_the_table_fits_a_terminal() -> None:
    lines = [re.sub(r"\x1b\[\d+m", "", line) for line in printed(terminal=True)]
    assert max(map(len, lines)) <= 60
    assert "".join(lines).count("fc") == 40


def test_without_a_terminal_every_row_is_one_line() -> None:
    lines = printed(terminal=False)
    assert lines[0].strip() == "Layers [all]"
    assert len(lines) == 1 + 3 + 2 + 1
    assert [cell.strip() for cell in lines[4].strip("│").split("│")] == ["conv [1]", "18", "0.852"]


def test_json_has_the_values_themselves_and_no_nan() -> None:
    assert json.loads(to_json(TABLE)) == [
        {"name": "conv [1]", "bits": 18, "top1": 0.85249, "engine": "reference"},
        {"name": "fc " * 40, "bits": None, "top1": None, "engine": "vectorized"},
    ]
