# SPDX-License-Identifier: Apache-2.0
"""``intaglio export``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from intaglio.cli.options import Batch, Json, Labels, Preprocessing, Profile, Shape


def export(
    model: Annotated[
        Path, typer.Argument(help="An .intaglio file or quantized ONNX.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; for hex a new folder.")
    ],
    integers: Annotated[
        bool,
        typer.Option(
            "--integers", help="Weights, biases, every number of every requantizer, tables."
        ),
    ] = False,
    format: Annotated[
        Literal["npz", "c-header", "hex"], typer.Option(help="Arrays, C99, or $readmemh files.")
    ] = "npz",
    data: Annotated[
        Path | None,
        typer.Option(help="Samples to run for golden tensors (docs/data.md).", show_default=False),
    ] = None,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    samples: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Write a fixed graph's integers, and golden tensors of all its values, for other programs."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.batches import graph_specs
    from intaglio.commands.data import open_dataset
    from intaglio.commands.export import ExportFormat, export_integers
    from intaglio.commands.models import LoweringOptions, open_fixed, parse_shapes
    from intaglio.errors import InvalidOption

    if not integers:
        raise InvalidOption("export", "(nothing)", "it isn't said what to export", "add --integers")
    graph = open_fixed(model, LoweringOptions(profile, batch, parse_shapes(shape or ())))
    dataset = (
        None
        if data is None
        else open_dataset(
            data,
            inputs=graph_specs(graph),
            labels=labels,
            preprocessing=preprocessing,
            limit=samples,
        )
    )
    summary = export_integers(graph, output, ExportFormat(format), dataset)
    golden = f", golden tensors of {summary.golden_runs} runs" if summary.golden_runs else ""
    print_facts(
        {
            "output": str(summary.output),
            "format": summary.format.value,
            "arrays": summary.arrays,
            "values": summary.values,
            "golden_runs": summary.golden_runs,
        },
        f"{summary.output}: {summary.arrays} arrays, {summary.values:,} values{golden}",
        as_json=as_json,
    )
