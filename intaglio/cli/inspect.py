# SPDX-License-Identifier: Apache-2.0
"""``intaglio inspect``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intaglio.cli.options import Batch, Json, Profile, Shape

if TYPE_CHECKING:
    from intaglio.commands.inspect import Inspection
    from intaglio.commands.real_layers import Port
    from intaglio.commands.real_layers import Shape as Dimensions


def inspect(
    model: Annotated[
        Path,
        typer.Argument(help="An .intaglio file, any ONNX model or .tflite.", show_default=False),
    ],
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    scaled: Annotated[
        bool, typer.Option("--scaled", help="A quantized model: before an arithmetic is chosen.")
    ] = False,
    text: Annotated[bool, typer.Option("--text", help="Print the graph's text form.")] = False,
    as_json: Json = False,
) -> None:
    """List a model's layers, sizes, interface, and the accumulator bits that proof demands."""
    from intaglio.commands.inspect import inspect_file
    from intaglio.commands.models import LoweringOptions, parse_shapes
    from intaglio.errors import InvalidOption

    options = LoweringOptions(profile, batch, parse_shapes(shape or ()))
    inspection = inspect_file(model, options, as_scaled=scaled)
    if text:
        if inspection.text is None:
            raise InvalidOption(
                "--text", "(given)", f"{model} is a float model", "quantize it, or leave it out"
            )
        print(inspection.text, end="")
    elif as_json:
        _print_json(inspection)
    else:
        _print_tables(inspection)


def _print_json(inspection: "Inspection") -> None:
    import json

    facts: dict[str, Any] = asdict(inspection)
    del facts["text"]
    facts["multiply_accumulates"] = inspection.multiply_accumulates
    print(json.dumps(facts, indent=2))


def _print_tables(inspection: "Inspection") -> None:
    from intaglio.commands.tables import Cell, Column, Table, print_table

    layers: list[dict[str, Cell]] = [
        {
            "name": layer.name,
            "op": layer.op,
            "shape": shape_text(layer.shape),
            "parameters": layer.parameters or None,
            "macs": layer.multiply_accumulates or None,
            "declared": layer.declared_bits,
            "needed": layer.needed_bits,
        }
        for layer in inspection.layers
    ]
    columns = [
        Column("name", "layer"),
        Column("op", "op"),
        Column("shape", "shape"),
        Column("parameters", "parameters", ","),
        Column("macs", "MACs", ","),
    ]
    if inspection.level == "fixed":
        columns += [Column("declared", "bits declared"), Column("needed", "bits needed")]
    profile = f", profile {inspection.profile}" if inspection.profile else ""
    title = f"{inspection.name}, {inspection.level}{profile}"
    print_table(Table(title, tuple(columns), layers))
    print(
        f"{len(inspection.layers)} layers, {inspection.parameters:,} parameters, "
        f"{inspection.multiply_accumulates:,} MACs"
    )
    if inspection.level == "fixed":
        print("bits needed: of an accumulator that no input can overflow, in any order of adding")
    print_table(
        Table(
            "interface",
            (
                Column("way", ""),
                Column("name", "name"),
                Column("type", "type"),
                Column("shape", "shape"),
                Column("code", "code"),
                Column("scale", "scale", ".9g"),
                Column("zero", "zero point"),
            ),
            [
                *(_port_row("in", port) for port in inspection.inputs),
                *(_port_row("out", port) for port in inspection.outputs),
            ],
        )
    )


def _port_row(way: str, port: "Port") -> dict[str, str | float | int | None]:
    return {
        "way": way,
        "name": port.name,
        "type": port.type,
        "shape": shape_text(port.shape),
        "code": port.code_type,
        "scale": port.scale,
        "zero": port.zero_point,
    }


def shape_text(shape: "Dimensions") -> str:
    """``1x8x8x16``, with ``?`` for what is open."""
    return "x".join("?" if dim is None else str(dim) for dim in shape)
