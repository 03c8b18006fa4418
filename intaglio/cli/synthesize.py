# SPDX-License-Identifier: Apache-2.0
"""``intaglio synthesize``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intaglio.cli.options import Json, Preprocessing, Quiet, Shape
from intaglio.cli.recipe_options import InputRange, Setting, choose

if TYPE_CHECKING:
    from intaglio.commands.synthesis.synthesize import Synthesis

_ROWS = 10
"""Of the table of losses."""


def synthesize(
    model: Annotated[Path, typer.Argument(help="A float ONNX model.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The .npz to write; a contact sheet .png beside it."),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="dsg, zeroq, gzsq, leaves, noise or a TOML file (docs/synthetic-data.md); by "
            "default dsg for a network with BatchNorm, gzsq without.",
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="How many to make; by default as the recipe says.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all randomness; by default as the recipe says.")
    ] = None,
    setting: Setting = None,
    input_range: InputRange = None,
    preprocessing: Preprocessing = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Make data from a float network alone: to calibrate with, to diagnose on, to look at."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.input_ranges import parse_input_ranges
    from intaglio.commands.models import parse_shapes
    from intaglio.commands.progress import steps
    from intaglio.commands.quantize import Given
    from intaglio.commands.synthesis.synthesize import default_source, synthesize_file

    given = Given(
        input_ranges=parse_input_ranges(input_range or ()),
        preprocessing=preprocessing,
        shapes=parse_shapes(shape or ()),
    )
    name = recipe or default_source(model, given)
    choices = choose(name, None, None, setting, samples=samples)
    if seed is not None:
        choices = choices.changed({"seed": seed})
    with steps(quiet=quiet) as report:
        found = synthesize_file(model, output, name, choices, given, progress=report)
    if not as_json:
        print_losses(found)
    print_facts(synthesis_facts(found), _sentence(found), as_json=as_json)


def synthesis_facts(found: "Synthesis") -> dict[str, Any]:
    """The result as JSON has it."""
    from dataclasses import asdict

    saved = found.saved
    return {
        "output": str(saved.data),
        "contact_sheet": None if saved.picture is None else str(saved.picture),
        "recipe": found.recipe,
        "samples": found.made.samples,
        "did": found.did,
        "seconds": found.seconds,
        "inputs": [
            {
                "name": name,
                "shape": list(array.shape),
                "minimum": float(array.min()),
                "maximum": float(array.max()),
                "mean": float(array.mean(dtype="float64")),
                "std": float(array.std(dtype="float64")),
            }
            for name, array in found.made.inputs.items()
        ],
        "losses": {term: list(losses) for term, losses in found.made.losses.items()},
        "notes": [asdict(note) for note in found.made.notes],
        "remarks": list(saved.remarks),
    }


def print_losses(found: "Synthesis") -> None:
    """How each term of the loss fell, in a few rows; nothing where nothing was optimized."""
    from intaglio.commands.tables import Cell, Column, Table, print_table

    losses = found.made.losses
    count = min((len(each) for each in losses.values()), default=0)
    if not count:
        return
    wanted = {round(step * (count - 1) / _ROWS) for step in range(_ROWS + 1)}
    rows: list[dict[str, Cell]] = [
        {"iteration": index + 1, **{term: each[index] for term, each in losses.items()}}
        for index in sorted(wanted)
    ]
    columns = (Column("iteration", "iteration"), *(Column(term, term, ".4g") for term in losses))
    print_table(Table(f"{found.recipe}: losses", columns, rows))


def _sentence(found: "Synthesis") -> str:
    saved = found.saved
    files = str(saved.data) if saved.picture is None else f"{saved.data}, {saved.picture}"
    lines = [f"{files}: {found.did}, in {found.seconds:.1f} s", *saved.remarks]
    return "\n".join(lines)
