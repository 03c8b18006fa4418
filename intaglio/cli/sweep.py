# SPDX-License-Identifier: Apache-2.0
"""``intaglio sweep``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intaglio.cli.options import Batch, Json, Labels, Preprocessing, Quiet, Shape, usable_cores
from intaglio.cli.recipe_options import Bits, Recipe, Weights, choose
from intaglio.cli.recipe_options import Setting as RecipeSetting

if TYPE_CHECKING:
    from intaglio.commands.quantize import Given
    from intaglio.commands.sweep.result import SweepResult
    from intaglio.commands.sweep.subjects import Source
    from intaglio.compiler.recipes import Choices


def sweep(
    model: Annotated[
        Path,
        typer.Argument(
            help="Quantized ONNX or .tflite; float ONNX to sweep a recipe.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A new folder, or that of a sweep to go on with."),
    ],
    data: Annotated[Path, typer.Option(help="Samples: .npz, folder or zip (docs/data.md).")],
    axis: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE,…",
            help="What varies: a field of the hardware file, recipe.NAME, or hardware; several "
            "are a grid (docs/sweep.md).",
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", help="Settings from a file, CSV or TOML, instead of a grid."),
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="The profile that is varied; by default single-rounding for ONNX, litert-ref-1.3 "
            "for .tflite.",
        ),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="What outputs are held against, once for each field; by default the hardware "
            "with 64-bit accumulators.",
        ),
    ] = None,
    points_lost: Annotated[
        float, typer.Option(min=0, max=100, help="How many points of top-1 may be lost.")
    ] = 1.0,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many samples.")] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Of a float model: data that shows the ranges.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Calibrate with at most this many samples (100).")
    ] = None,
    recipe: Recipe = None,
    bits: Bits = None,
    weights: Weights = None,
    setting: RecipeSetting = None,
    count_ordered: Annotated[
        bool,
        typer.Option(
            "--count-ordered",
            help="Count overflows of sums that are held after each addition too: slow.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Processes, or Ray actors; by default one for each processor; 0: none."
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on this Ray cluster; `local` starts one on this machine."
        ),
    ] = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Vary the arithmetic, and see what the narrowest is that keeps every bit or the accuracy."""
    from fractions import Fraction

    from intaglio.cli.printing import print_facts
    from intaglio.commands.models import LoweringOptions, parse_shapes
    from intaglio.commands.progress import steps
    from intaglio.commands.quantize import CalibrationSource, Given, default_recipe
    from intaglio.commands.sweep import (
        Labour,
        SweepData,
        SweepRequest,
        load_settings,
        parse_axis,
    )
    from intaglio.commands.sweep import sweep as run_sweep
    from intaglio.commands.sweep.report import facts
    from intaglio.commands.sweep.store import require_sweep_folder
    from intaglio.commands.sweep.subjects import (
        Arithmetic,
        FloatSource,
        QuantizedSource,
        hardware_of,
        is_float,
    )

    require_sweep_folder(output)
    axes = tuple(parse_axis(text) for text in axis or ())
    settings = () if listed is None else load_settings(listed)
    options = LoweringOptions(batch=batch, shapes=parse_shapes(shape or ()))
    source: Source
    if is_float(model, options):
        calibrating = None
        if calibration is not None:
            its_labels = labels if calibration == data else None
            calibrating = CalibrationSource(calibration, its_labels, preprocessing, samples or 100)
        given = Given(calibrating, preprocessing=preprocessing, shapes=options.shapes)

        def chosen(changes: Mapping[str, str], given: "Given") -> "Choices":
            rest = {k: v for k, v in changes.items() if k not in ("recipe", "bits", "weights")}
            return choose(
                changes.get("recipe") or recipe or default_recipe(given),
                changes.get("bits") or bits,
                changes.get("weights") or weights,
                [*(setting or ()), *(f"{name}={value}" for name, value in rest.items())],
                samples=samples,
            )

        source = FloatSource(model, options, given, chosen, output / "quantized")
    else:
        _require_none(
            model,
            {
                "--calibration": calibration,
                "--samples": samples,
                "--recipe": recipe,
                "--bits": bits,
                "--weights": weights,
                "--set": setting,
            },
        )
        source = QuantizedSource(model, options)
    held: dict[str, str] = {}
    for text in reference or ():
        fixed = parse_axis(text)
        held[fixed.name] = _only(text, fixed.values)
    request = SweepRequest(
        model,
        source,
        Arithmetic(hardware_of(model, hardware), held or None),
        axes,
        settings,
        SweepData(data, labels, preprocessing, limit),
        Fraction(str(points_lost)),
        count_ordered,
    )
    if workers is None and ray is None:
        workers = usable_cores()
    with steps(quiet=quiet) as report:
        result = run_sweep(request, output, Labour(workers, ray), report)
    if as_json:
        print_facts(facts(result), "", as_json=True)
        return
    print_result(result, output)


def print_result(result: "SweepResult", output: Path) -> None:
    """The sentences, the two tables, and where the files are."""
    from intaglio.commands.sweep.table import marks_table, refusals, settings_table, summary
    from intaglio.commands.tables import print_table

    for line in summary(result):
        print(line)
    print_table(settings_table(result))
    print_table(marks_table(result))
    for line in refusals(result):
        print(line)
    print(f"{output}: sweep.csv, sweep.json, pareto.svg")


def _only(text: str, values: tuple[str, ...]) -> str:
    from intaglio.errors import InvalidOption

    if len(values) != 1:
        raise InvalidOption("--reference", text, "it has several values", "write FIELD=VALUE")
    return values[0]


def _require_none(model: Path, options: Mapping[str, object]) -> None:
    from intaglio.errors import InvalidOption

    for option, value in options.items():
        if value is not None:
            raise InvalidOption(
                option, value, f"{model} is quantized already", "leave the option out"
            )
