# SPDX-License-Identifier: Apache-2.0
"""``intaglio quantize``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intaglio.cli.options import Json, Labels, Preprocessing, Quiet, Shape, Workers
from intaglio.cli.recipe_options import Bits, InputRange, Recipe, Setting, Weights, choose

if TYPE_CHECKING:
    from intaglio.commands.quantize import QuantizationSummary


def quantize(
    model: Annotated[Path, typer.Argument(help="A float ONNX model.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ONNX file to write.")],
    calibration: Annotated[
        Path | None,
        typer.Option(help="Data, for recipes that use any: .npz, folder or zip (docs/data.md)."),
    ] = None,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1, help="Use at most this many samples (100), or as many where a recipe makes them."
        ),
    ] = None,
    recipe: Recipe = None,
    bits: Bits = None,
    weights: Weights = None,
    setting: Setting = None,
    input_range: InputRange = None,
    save_data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Write the data that the recipe makes, and a contact sheet FILE.png beside it.",
        ),
    ] = None,
    size_budget: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Weights in at most this, as in 300k: widths by layer."),
    ] = None,
    bit_operations: Annotated[
        str | None,
        typer.Option(metavar="N", help="Products times both widths at most this: widths by layer."),
    ] = None,
    symmetric: Annotated[
        bool, typer.Option("--symmetric", help="Activations: the middle code stands for zero.")
    ] = False,
    signed: Annotated[
        bool, typer.Option("--signed", help="Activations: signed codes, not unsigned ones.")
    ] = False,
    affine_weights: Annotated[
        bool, typer.Option("--affine-weights", help="Weights: unsigned codes with a zero point.")
    ] = False,
    full_range_weights: Annotated[
        bool, typer.Option("--full-range-weights", help="Weights: use the lowest code too.")
    ] = False,
    power_of_two: Annotated[
        bool, typer.Option("--power-of-two", help="Scales: powers of two, so that shifts rescale.")
    ] = False,
    shape: Shape = None,
    workers: Workers = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Turn float ONNX into quantized ONNX (QuantizeLinear and DequantizeLinear nodes)."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.budgets import parse_budget
    from intaglio.commands.input_ranges import parse_input_ranges
    from intaglio.commands.models import parse_shapes
    from intaglio.commands.progress import steps
    from intaglio.commands.quantize import (
        CalibrationSource,
        Given,
        default_recipe,
        quantize_file,
    )

    source = None
    if calibration is not None:
        source = CalibrationSource(calibration, labels, preprocessing, samples or 100, workers)
    given = Given(
        source,
        parse_input_ranges(input_range or ()),
        preprocessing,
        parse_shapes(shape or ()),
        parse_budget(size_budget, bit_operations),
    )
    flags = {
        "symmetric_activations": symmetric,
        "signed_activations": signed,
        "symmetric_weights": affine_weights,
        "narrow_weights": full_range_weights,
        "power_of_two_scales": power_of_two,
    }
    negated = ("symmetric_weights", "narrow_weights")
    set_flags = {name: name not in negated for name, is_set in flags.items() if is_set}
    name = recipe or default_recipe(given)
    choices = choose(name, bits, weights, setting, set_flags, samples)
    with steps(quiet=quiet) as report:
        summary = quantize_file(model, output, choices, given, save_data=save_data, progress=report)
    weight_bits = choices.codes.weight_bits if given.budget is None else "(by layer)"
    widths = f"w{weight_bits}a{choices.codes.activation_bits}"
    if not as_json:
        print_steps(name, summary)
    saved = summary.saved
    picture = None if saved is None else saved.picture
    print_facts(
        {
            "output": str(summary.output),
            "recipe": name,
            "samples": summary.samples,
            "synthetic": summary.made,
            "data": None if saved is None else str(saved.data),
            "contact_sheet": None if picture is None else str(picture),
            "activations": summary.activations,
            "constants": summary.constants,
            "float_bytes": summary.float_bytes,
            "output_bytes": summary.output_bytes,
            "steps": [asdict(step) for step in summary.steps],
        },
        f"{summary.output}: {summary.activations} activations and {summary.constants} constants "
        f"in {widths}, from {_data(summary)}; "
        f"{summary.float_bytes:,} bytes before, {summary.output_bytes:,} now",
        as_json=as_json,
    )


def _data(summary: "QuantizationSummary") -> str:
    if not summary.samples:
        return "no data"
    kind = "synthetic samples" if summary.made else "samples"
    saved = summary.saved
    if saved is None:
        return f"{summary.samples} {kind}"
    files = str(saved.data) if saved.picture is None else f"{saved.data}, {saved.picture}"
    return f"{summary.samples} {kind} ({'; '.join([files, *saved.remarks])})"


def print_steps(recipe: str, summary: "QuantizationSummary") -> None:
    """What each step did, and what it did to the outputs."""
    from intaglio.commands.tables import Cell, Column, Table, print_table

    rows: list[dict[str, Cell]] = [
        {
            "step": step.name,
            "did": step.summary,
            "channels": step.channels or None,
            "moved": step.moved,
            "noise": step.signal_to_noise,
        }
        for step in summary.steps
    ]
    columns = (
        Column("step", "step"),
        Column("did", "what it did"),
        Column("channels", "channels"),
        Column("moved", "float moved by", ".1e"),
        Column("noise", "SQNR dB", ".1f"),
    )
    print_table(Table(f"{recipe}: {summary.output.name}", columns, rows))
