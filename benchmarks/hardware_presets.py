# SPDX-License-Identifier: Apache-2.0
"""Every requantizer of every profile: exact Python ints, whole arrays and machine code.

``python -m benchmarks.hardware_presets [PROFILE ...] [--json FILE]`` takes 100,000 random
accumulators and all corners of each kind, prints a row for each profile and kind, and fails where
a code differs.  Functions of two codes and tables are no requantizers: tests compare them on every
pair and every code.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.requantizer_cases import WHOLE, Comparison, Effort, compare
from benchmarks.requantizer_kinds import requantizer_kinds
from intaglio.commands.tables import Cell, Column, Table, print_table
from intaglio.numerics.profile import load_profile, profile_names


@dataclass(frozen=True, slots=True)
class PresetRow:
    """One kind of requantizer of one profile."""

    profile: str
    comparison: Comparison


def preset_rows(profiles: Sequence[str], effort: Effort = WHOLE) -> list[PresetRow]:
    """Each kind is compared once, however many profiles have it."""
    by_profile = {name: requantizer_kinds(load_profile(name)) for name in profiles}
    kinds = {name: kind for found in by_profile.values() for name, kind in found.items()}
    compared = {each.kind: each for each in compare(list(kinds.values()), effort)}
    return [PresetRow(name, compared[kind]) for name, found in by_profile.items() for kind in found]


def print_rows(rows: Sequence[PresetRow]) -> None:
    """A table, and what the compiled engine refused."""
    cells: list[dict[str, Cell]] = [
        {
            "profile": row.profile,
            "kind": row.comparison.kind,
            "random": row.comparison.random,
            "corners": row.comparison.corners,
            "arrays": row.comparison.vectorized,
            "machine": "refused" if row.comparison.refused else row.comparison.compiled,
        }
        for row in rows
    ]
    columns = [
        Column("profile", "profile"),
        Column("kind", "kind"),
        Column("random", "random", ","),
        Column("corners", "corners", ","),
        Column("arrays", "arrays differ"),
        Column("machine", "machine code differs"),
    ]
    print_table(Table("Requantizers: exact Python ints against", tuple(columns), cells))
    for refused in dict.fromkeys(
        (each.kind, each.refused) for each in (row.comparison for row in rows) if each.refused
    ):
        print(f"no machine code of {refused[0]}: {refused[1]}")


def main() -> int:
    """Compare, print, and fail where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profiles", nargs="*", help="profiles by name; all of them by default")
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    rows = preset_rows(arguments.profiles or profile_names())
    print_rows(rows)
    if arguments.json:
        text = json.dumps([asdict(row) for row in rows], indent=2)
        arguments.json.write_text(f"{text}\n", encoding="utf-8")
    return 1 if sum(row.comparison.differences for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
