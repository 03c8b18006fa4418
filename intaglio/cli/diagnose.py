# SPDX-License-Identifier: Apache-2.0
"""``intaglio diagnose``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intaglio.cli.options import Json, Labels, Preprocessing, Quiet, Shape, Workers
from intaglio.cli.recipe_options import Bits, InputRange, Recipe, Setting, Weights, choose

if TYPE_CHECKING:
    from intaglio.commands.diagnose import Diagnosis, Subject
    from intaglio.commands.models import Shapes

_ROOM_FOR_COSINES = 100
"""Columns of a terminal; narrower ones get the decibels alone."""


def diagnose(
    model: Annotated[Path, typer.Argument(help="A float ONNX model.", show_default=False)],
    quantized: Annotated[
        Path | None,
        typer.Argument(
            help="A QDQ file made of it; without one the model is quantized here.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Samples to measure on: .npz, folder or zip (docs/data.md); by default the "
            "calibration data, or what the recipe makes, else noise."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Measure on at most this many samples.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise, where there is no data.")] = 0,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Data that shows the ranges when the model is quantized here."),
    ] = None,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Calibrate with at most this many samples (100; 32 if made)."),
    ] = None,
    recipe: Recipe = None,
    bits: Bits = None,
    weights: Weights = None,
    setting: Setting = None,
    input_range: InputRange = None,
    profile: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="The arithmetic: see `intaglio profiles`."),
    ] = "single-rounding",
    together_only: Annotated[
        bool,
        typer.Option("--together-only", help="Don't quantize each layer alone; much faster."),
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(help="Write the ranges of weights before and after the recipe as SVG."),
    ] = None,
    shape: Shape = None,
    workers: Workers = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Which layers lose what: each quantized alone, and all together as integers."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.diagnose import (
        DataSource,
        batches,
        facts,
        quantized_here,
        weight_ranges_picture,
    )
    from intaglio.commands.diagnose import diagnose as measure
    from intaglio.commands.input_ranges import parse_input_ranges
    from intaglio.commands.models import named, parse_shapes
    from intaglio.commands.output_files import require_writable, whole_file
    from intaglio.commands.progress import progress, steps
    from intaglio.commands.quantize import CalibrationSource, Given, default_recipe
    from intaglio.numerics.profile import load_profile

    if svg is not None:
        require_writable(svg)
    arithmetic, shapes = load_profile(profile), parse_shapes(shape or ())
    if quantized is not None:
        choices = {
            "--calibration": calibration,
            "--samples": samples,
            "--recipe": recipe,
            "--bits": bits,
            "--weights": weights,
            "--set": setting,
            "--input-range": input_range,
        }
        subject = _quantized_before(model, quantized, choices, shapes)
    else:
        source = None
        if calibration is not None:
            source = CalibrationSource(calibration, labels, preprocessing, samples or 100, workers)
        ranges = parse_input_ranges(input_range or ())
        given = Given(source, ranges, preprocessing, shapes)
        chosen = choose(recipe or default_recipe(given), bits, weights, setting, samples=samples)
        with steps(quiet=quiet) as report:
            subject = quantized_here(model, chosen, given, progress=report)
    measured_on = data or calibration
    feeds = batches(subject, DataSource(measured_on, labels, preprocessing, limit, seed, workers))
    with named(model), progress("quantizing each layer", quiet=quiet) as report:
        found = measure(
            subject,
            feeds,
            arithmetic,
            noise=measured_on is None and subject.made is None,
            synthetic=measured_on is None and subject.made is not None,
            alone=not together_only,
            progress=report,
        )
    if svg is not None:
        title = f"{found.model}: ranges of weights"
        with whole_file(svg) as partial:
            partial.write_text(weight_ranges_picture(title, found.ranges), encoding="utf-8")
    if as_json:
        print_facts(facts(found), "", as_json=True)
    else:
        print_diagnosis(found)


def _quantized_before(
    model: Path, quantized: Path, choices: Mapping[str, object], shapes: "Shapes"
) -> "Subject":
    from intaglio.commands.diagnose import quantized_before
    from intaglio.errors import InvalidOption

    for option, value in choices.items():
        if value is not None:
            raise InvalidOption(
                option, value, f"{quantized} is quantized already", "leave one of the two out"
            )
    return quantized_before(model, quantized, shapes)


def print_diagnosis(found: "Diagnosis") -> None:
    """What is said of the output, and the two tables."""
    from rich.console import Console

    from intaglio.commands.diagnose import activations_table, summary, weights_table
    from intaglio.commands.tables import print_table

    console = Console()
    cosines = not console.is_terminal or console.width >= _ROOM_FOR_COSINES
    for line in summary(found):
        print(line)
    print_table(weights_table(found, cosines))
    print_table(activations_table(found, cosines))
