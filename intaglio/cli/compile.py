# SPDX-License-Identifier: Apache-2.0
"""``intaglio compile``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from intaglio.cli.options import Batch, Json, Profile, Shape

if TYPE_CHECKING:
    from intaglio.commands.compile import CompilationSummary
    from intaglio.compiler.targets.tvm.artifact import Strips
    from intaglio.compiler.targets.tvm.footprint.report import Footprint


def compile(
    model: Annotated[
        Path,
        typer.Argument(help="An .intaglio file, quantized ONNX or .tflite.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder to write.")],
    target: Annotated[
        str,
        typer.Option(
            help="host, aarch64, aarch64+dotprod, aarch64+dotprod+i8mm, "
            "aarch64+fat (all three), or cortex-m0plus, -m4, -m7, -m33, -m55."
        ),
    ] = "host",
    cpu: Annotated[
        Literal["auto", "avx512-vnni", "avx-vnni", "avx2", "portable"],
        typer.Option(help="The host's instructions for kernels; auto: the widest it has."),
    ] = "auto",
    emit: Annotated[
        Literal["object", "c"],
        typer.Option(help="An object for the target, or C99 source for any compiler."),
    ] = "object",
    name: Annotated[
        str | None,
        typer.Option(help="Prefix of symbols and files; by default made of the model's name."),
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Threads that may share the work of one call; 1 for a plain object.")
    ] = 1,
    layer_callback: Annotated[
        bool,
        typer.Option(
            "--layer-callback", help="Add a function that shows the result of each layer."
        ),
    ] = False,
    ram: Annotated[
        str | None,
        typer.Option(help="RAM that the network may need, as 65536, 256k or 1M (of 1024)."),
    ] = None,
    flash: Annotated[
        str | None, typer.Option(help="Flash that the network may need, written alike.")
    ] = None,
    tile: Annotated[
        bool | None,
        typer.Option(
            "--tile/--no-tile",
            help="Compute large layers in strips, for less RAM; else where --ram demands it.",
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Print flash and RAM by layer, and draw the arena."),
    ] = False,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Compile a model to one object with one C function, and write a header and an example."""
    if emit == "c":
        others = {"--target": target != "host", "--cpu": cpu != "auto", "--threads": threads != 1}
        others |= {"--ram": ram is not None, "--flash": flash is not None, "--report": report}
        others |= {"--tile": tile is not None}
        _refuse_for_source([option for option, given in others.items() if given])
        _emit_source(model, output, profile, batch, shape, name, layer_callback, as_json)
        return
    from dataclasses import asdict

    from intaglio.cli.printing import print_facts
    from intaglio.commands.budgets import parse_memory
    from intaglio.commands.compile import compile_file
    from intaglio.commands.models import LoweringOptions, parse_shapes
    from intaglio.compiler.targets.tvm.arm_machines import arm_machine
    from intaglio.compiler.targets.tvm.footprint.budgets import Budgets
    from intaglio.compiler.targets.tvm.footprint.report import as_json as as_json_facts
    from intaglio.compiler.targets.tvm.machine import Instructions, host
    from intaglio.errors import InvalidOption

    budgets = Budgets(parse_memory("--ram", ram), parse_memory("--flash", flash))
    if target == "host":
        machine = host(None if cpu == "auto" else Instructions(cpu))
    elif cpu != "auto":
        raise InvalidOption("cpu", cpu, "is for the host", "leave it out: the target says it all")
    else:
        machine = arm_machine(target)
    summary = compile_file(
        model,
        output,
        LoweringOptions(profile, batch, parse_shapes(shape or ())),
        machine,
        name,
        threads,
        layer_callback=layer_callback,
        draw=report,
        budgets=budgets,
        tile=tile,
    )
    facts = asdict(summary) | {
        "target": target,
        "output": str(summary.output),
        "footprint": as_json_facts(summary.footprint),
    }
    print_facts(facts, _text(summary), as_json=as_json)
    if not as_json:
        _print_footprint(summary.footprint, summary.strips, report)


def _refuse_for_source(options: list[str]) -> None:
    from intaglio.errors import InvalidOption

    if options:
        raise InvalidOption(
            "--emit", "c", f"doesn't go with {', '.join(options)}", "source is for any processor"
        )


def _emit_source(
    model: Path,
    output: Path,
    profile: str | None,
    batch: int | None,
    shape: list[str] | None,
    name: str | None,
    layer_callback: bool,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from intaglio.cli.printing import print_facts
    from intaglio.commands.emit_source import emit_source_file
    from intaglio.commands.models import LoweringOptions, parse_shapes

    options = LoweringOptions(profile, batch, parse_shapes(shape or ()))
    summary = emit_source_file(model, output, options, name, layer_callback=layer_callback)
    text = (
        f"{summary.output}: {', '.join(summary.files)}\n"
        f"C99; written in {summary.seconds:.1f} s\n"
        f"arena {summary.arena_bytes:,} bytes, constants {summary.constant_bytes:,} bytes"
    )
    facts = asdict(summary) | {"output": str(summary.output)}
    print_facts(facts, text, as_json=as_json)


def _print_footprint(found: "Footprint", strips: "Sequence[Strips]", whole: bool) -> None:
    from intaglio.commands import footprints
    from intaglio.commands.tables import print_table

    print_table(footprints.totals(found))
    if whole:
        print_table(footprints.layers(found))
        print_table(footprints.functions(found))
        if found.peak is not None:
            print_table(footprints.fullest(found))
    for note in (*footprints.notes(found), *map(footprints.strips, strips)):
        print(note)


def _text(summary: "CompilationSummary") -> str:
    forms = ", ".join(f"{count} {form}" for form, count in sorted(summary.kernels.items()))
    threads = f", {summary.threads} threads" if summary.threads > 1 else ""
    return (
        f"{summary.output}: {', '.join(summary.files)}\n"
        f"{summary.triple}, {summary.instructions}{threads}; "
        f"compiled in {summary.seconds:.1f} s\n"
        f"arena {summary.arena_bytes:,} bytes, constants {summary.constant_bytes:,} bytes\n"
        f"kernels: {forms or 'none'}" + (f"\n{summary.advice}" if summary.advice else "")
    )
