# SPDX-License-Identifier: Apache-2.0
"""What a verification says: JSON, a table of layers, sentences."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from intaglio.commands.footprints import short
from intaglio.commands.tables import Cell, Column, Table
from intaglio.commands.verify.verification import Count, Verification


def facts(found: Verification) -> dict[str, Any]:
    """A target as JSON has it."""
    comparison, first = found.comparison, found.comparison.first
    return {
        "target": found.target,
        "emulator": found.emulator,
        "equal": found.agrees,
        "runs": found.runs,
        "programs": found.programs,
        "tensors": comparison.tensors,
        "values": comparison.values,
        "differing": comparison.differing,
        "first": None if first is None else {**asdict(first), "index": list(first.index)},
        "arena_bytes": found.arena,
        "constant_bytes": found.constants,
        "count": None if found.count is None else _count_facts(found.count),
        "uncounted": found.uncounted,
    }


def _count_facts(count: Count) -> dict[str, Any]:
    return {
        "instructions": count.instructions,
        "multiply_accumulates": count.multiply_accumulates,
        "stack_bytes": count.stack,
        "stray_accesses": list(count.strays),
        "layers": [
            asdict(layer) | {"ops": list(layer.ops), "macs_per_instruction": layer.rate}
            for layer in count.layers
        ],
    }


def layers_table(found: Verification, count: Count) -> Table:
    """A row for each step, and what is executed between them."""
    columns = (
        Column("layer", "layer"),
        Column("ops", "ops"),
        Column("form", "kernel"),
        Column("instructions", "instructions", ","),
        Column("share", "%", ".1f"),
        Column("macs", "MACs", ","),
        Column("rate", "MACs an instruction", ".3f"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "layer": short(layer.name),
            "ops": ", ".join(layer.ops),
            "form": layer.form,
            "instructions": layer.instructions,
            "share": 100 * layer.instructions / count.instructions,
            "macs": layer.multiply_accumulates or None,
            "rate": layer.rate,
        }
        for layer in count.layers
    ]
    return Table(f"{found.target}: instructions of one run", columns, rows)


def sentences(found: Verification) -> Iterator[str]:
    """What was compared and counted."""
    comparison, first = found.comparison, found.comparison.first
    who = f"{found.target} ({found.emulator})"
    tensors = "1 tensor" if comparison.tensors == 1 else f"{comparison.tensors:,} tensors"
    if first is None:
        compared = f"{tensors}, {comparison.values:,} values"
        yield f"{who} equals the simulator on every bit: {compared}"
    else:
        yield (
            f"{who} differs from the simulator on {comparison.differing:,} of "
            f"{comparison.values:,} values; the first is %{first.tensor}{list(first.index)} of "
            f"run {first.run}: {found.target} has {first.found}, the simulator has "
            f"{first.expected}"
        )
    memory = f"arena {found.arena:,} bytes, constants {found.constants:,} bytes"
    count = found.count
    if count is None:
        yield memory
        if found.uncounted is not None:
            yield f"not counted: {found.uncounted}"
        return
    yield (
        f"{count.instructions:,} instructions for {count.multiply_accumulates:,} MACs; "
        f"{memory}, stack {count.stack:,} bytes"
    )
    for stray in count.strays:
        yield f"{found.target}: {stray}"
