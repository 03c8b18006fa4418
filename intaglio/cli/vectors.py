# SPDX-License-Identifier: Apache-2.0
"""``intaglio vectors``."""

from pathlib import Path
from typing import Annotated

import typer

from intaglio.cli.options import Batch, Json, Profile, Quiet, Shape


def vectors(
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder to write.")],
    model: Annotated[
        Path | None,
        typer.Argument(help="An .intaglio file, quantized ONNX or .tflite.", show_default=False),
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Without a model: the requantizers of this hardware file alone.",
            show_default=False,
        ),
    ] = None,
    channels: Annotated[
        int,
        typer.Option(min=0, help="Channels of each layer beside those with extreme parameters."),
    ] = 2,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Solve for operands at the corners of the arithmetic, with what every stage makes of them."""
    import json

    from intaglio.commands.models import LoweringOptions, open_fixed, parse_shapes
    from intaglio.commands.progress import progress
    from intaglio.commands.tables import print_table, to_json
    from intaglio.commands.vectors import write_preset_vectors, write_vectors
    from intaglio.commands.vectors.report import (
        coverage_facts,
        coverage_notes,
        coverage_table,
        preset_table,
    )
    from intaglio.errors import InvalidOption

    if (model is None) == (hardware is None):
        raise InvalidOption(
            "vectors",
            "(nothing)" if model is None else f"{model} and --hardware {hardware}",
            "it takes either a model or a hardware file",
            "name a model, or give --hardware alone",
        )
    if hardware is not None:
        table = preset_table(hardware, write_preset_vectors(hardware, output))
        print(to_json(table)) if as_json else print_table(table)
        return
    if model is None:
        raise TypeError("a model was checked for")
    graph = open_fixed(model, LoweringOptions(profile, batch, parse_shapes(shape or ())))
    with progress("solving", quiet=quiet) as report:
        coverage = write_vectors(graph, output, channels, report)
    if as_json:
        print(json.dumps(coverage_facts(coverage), indent=2, ensure_ascii=False))
        return
    print_table(coverage_table(coverage))
    notes = coverage_notes(coverage)
    if notes:
        print(notes)
