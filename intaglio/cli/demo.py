# SPDX-License-Identifier: Apache-2.0
"""``intaglio demo``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intaglio.cli.options import Json, Quiet, usable_cores

if TYPE_CHECKING:
    from intaglio.commands.demo import DemoReport


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the files that it makes.")
    ] = Path("out/demo"),
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many images.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="How many processes simulate; by default one a core.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Quantize, lower, compile and simulate the digits network, prove its sums, and report."""
    import json

    from intaglio.commands.demo import run_demo
    from intaglio.commands.output_files import whole_file
    from intaglio.commands.progress import progress

    with progress("comparing with the reference", quiet=quiet) as bar:
        report = run_demo(output, limit=limit, threads=threads or usable_cores(), progress=bar)
    facts = json.dumps(_facts(report), indent=2)
    with whole_file(output / "report.json") as partial:
        partial.write_text(facts + "\n", encoding="utf-8")
    if as_json:
        print(facts)
    else:
        _print_report(report)
    if not report.agrees:
        raise typer.Exit(1)


def _facts(report: "DemoReport") -> dict[str, Any]:
    facts = asdict(report)
    facts["folder"] = str(report.folder)
    facts["compiled"]["output"] = str(report.compiled.output)
    facts["seconds"] = report.seconds
    return facts


def _print_report(report: "DemoReport") -> None:
    from intaglio.cli.simulate import comparison_text
    from intaglio.commands.tables import Column, Table, print_table

    images = report.images
    accuracy = (
        ("float ONNX in ONNX Runtime", report.float_correct, report.float_bytes),
        ("quantized ONNX in ONNX Runtime", report.quantized_correct, report.quantized_bytes),
        (f"integers, profile {report.profile}", report.integer_correct, report.intaglio_bytes),
    )
    print_table(
        Table(
            f"handwritten digits, {images} held-out images",
            (
                Column("network", "network"),
                Column("correct", "correct"),
                Column("top1", "top-1 %", ".2f"),
                Column("bytes", "file bytes", ","),
            ),
            [
                {
                    "network": name,
                    "correct": correct,
                    "top1": 100 * correct / images,
                    "bytes": size,
                }
                for name, correct, size in accuracy
            ],
        )
    )
    print(f"integer constants at their true widths: {report.integer_bytes:,} bytes\n")
    print(comparison_text(report.comparison, "vectorized", "reference"))
    print(comparison_text(report.compiled_comparison, "compiled", "vectorized") + "\n")
    print_table(
        Table(
            "accumulators: bits that no input can overflow, by proof",
            (
                Column("name", "sum"),
                Column("declared", "declared"),
                Column("types", "by types"),
                Column("needed", "any order"),
                Column("final", "final sum"),
            ),
            [
                {
                    "name": each.source or each.name,
                    "declared": each.declared_bits,
                    "types": each.type_bits,
                    "needed": each.any_order_bits,
                    "final": each.final_bits,
                }
                for each in report.accumulators
            ],
        )
    )
    print_table(
        Table(
            f"time, {report.seconds:.1f} s in all",
            (Column("stage", "stage"), Column("seconds", "seconds", ".2f")),
            [{"stage": each.name, "seconds": each.seconds} for each in report.stages],
        )
    )
    compiled = report.compiled
    print_table(
        Table(
            f"speed, batch 1, {compiled.instructions}",
            (Column("engine", "engine"), Column("rate", "images a second", ",.0f")),
            [
                {"engine": "compiled", "rate": report.compiled_rate},
                {"engine": "vectorized", "rate": report.vectorized_rate},
            ],
        )
    )
    print(f"object: constants {compiled.constant_bytes:,}, arena {compiled.arena_bytes:,} bytes")
    print(f"files: {report.folder}")
