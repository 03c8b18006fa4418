# SPDX-License-Identifier: Apache-2.0
"""``intaglio repair``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from intaglio.cli.options import (
    Batch,
    Json,
    Labels,
    Preprocessing,
    Profile,
    Quiet,
    Shape,
    Threads,
    Workers,
)

if TYPE_CHECKING:
    from intaglio.commands.repair import Accuracies, Repaired
    from intaglio.commands.tables import Table

Method = Literal["auto", "round", "scale"]
OverflowName = Literal["wrap", "saturate", "saturate-each-add"]


def repair(
    model: Annotated[Path, typer.Argument(help="Quantized ONNX or .tflite.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .intaglio file to write.")],
    accumulator_bits: Annotated[
        int,
        typer.Option(min=2, max=64, help="Width of the accumulators of layers with weights."),
    ],
    method: Annotated[
        Method,
        typer.Option(
            help="Draw codes towards zero (round), enlarge channels' scales (scale), or for each "
            "channel what leaves less error in its weights (auto)."
        ),
    ] = "auto",
    overflow: Annotated[
        OverflowName | None,
        typer.Option(help="What narrow accumulators do; by default as the profile says."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Samples on which biases are corrected for the mean shift of the sums."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many of them at most.")] = 100,
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled samples to measure accuracy on (docs/data.md)."),
    ] = None,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many samples.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="Leave out this many samples first.")] = 0,
    threads: Threads = 2,
    workers: Workers = 0,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Change weights so that no sum can overflow narrow accumulators, and prove it."""
    from functools import partial

    from intaglio.cli.printing import print_facts
    from intaglio.commands.batches import graph_specs
    from intaglio.commands.data import Dataset, open_dataset
    from intaglio.commands.models import LoweringOptions, parse_shapes
    from intaglio.commands.progress import steps
    from intaglio.commands.repair import measure_repair, repair_to_file
    from intaglio.commands.tables import print_table
    from intaglio.compiler.ir.graph import Graph
    from intaglio.compiler.passes.fit_accumulators import FitMethod
    from intaglio.numerics.accumulator import Overflow

    def opened(
        path: Path, labels: Path | None, limit: int | None, skip: int, graph: Graph
    ) -> Dataset:
        return open_dataset(
            path,
            inputs=graph_specs(graph),
            labels=labels,
            preprocessing=preprocessing,
            limit=limit,
            skip=skip,
        )

    repaired = repair_to_file(
        model,
        output,
        accumulator_bits,
        LoweringOptions(profile, batch, parse_shapes(shape or ())),
        FitMethod(method),
        None if overflow is None else Overflow(overflow),
        None if calibration is None else partial(opened, calibration, None, samples, 0),
    )
    accuracies = None
    if data is not None:
        open_data = partial(opened, data, labels, limit, skip)
        with steps(quiet=quiet) as report:
            accuracies = measure_repair(
                repaired, open_data, threads=threads, workers=workers, progress=report
            )
    facts = repair_facts(output, accumulator_bits, repaired, accuracies)
    if not as_json:
        print_table(layers_table(repaired))
    text = repair_text(output, accumulator_bits, repaired, accuracies)
    print_facts(facts, text, as_json=as_json)


def layers_table(repaired: "Repaired") -> "Table":
    """A row for each layer with weights."""
    from intaglio.commands.tables import Column, Table

    columns = (
        Column("layer", "layer"),
        Column("channels", "channels"),
        Column("changed_channels", "changed"),
        Column("scaled_channels", "scaled"),
        Column("changed_weights_percent", "weights %", ".1f"),
        Column("l1_before", "L1 before", ","),
        Column("l1_after", "L1 after", ","),
        Column("sqnr", "SQNR dB", ".1f"),
    )
    return Table("Layers", columns, _layers(repaired))


def _layers(repaired: "Repaired") -> list[dict[str, Any]]:
    return [
        {
            "layer": layer.source or layer.name,
            "channels": layer.channels,
            "changed_channels": layer.changed_channels,
            "scaled_channels": layer.scaled_channels,
            "weights": layer.weights,
            "changed_weights": layer.changed_weights,
            "changed_weights_percent": 100 * layer.changed_weights / layer.weights,
            "l1_before": layer.l1_before,
            "l1_after": layer.l1_after,
            "sqnr": layer.sqnr,
        }
        for layer in repaired.layers
    ]


def repair_facts(
    output: Path, bits: int, repaired: "Repaired", accuracies: "Accuracies | None"
) -> dict[str, Any]:
    """The result as JSON has it."""
    return {
        "output": str(output),
        "accumulator_bits": bits,
        "profile": repaired.after.profile,
        "layers": _layers(repaired),
        "unrepaired": [
            {"layer": each.source or each.name, "bits": each.any_order_bits}
            for each in repaired.unrepaired
        ],
        "accuracy": None
        if accuracies is None
        else {
            "samples": accuracies.samples,
            "before": accuracies.before,
            "narrow": accuracies.narrow,
            "after": accuracies.after,
        },
    }


def repair_text(
    output: Path, bits: int, repaired: "Repaired", accuracies: "Accuracies | None"
) -> str:
    """The result in a few lines."""
    changed = sum(layer.changed_channels for layer in repaired.layers)
    channels = sum(layer.channels for layer in repaired.layers)
    lines = [
        f"{output}: no sum of products with weights can overflow {bits} bits, in any order; "
        f"{changed:,} of {channels:,} channels changed"
    ]
    lines += [
        f"{each.source or each.name}: has no weights to change, and may need "
        f"{each.any_order_bits} bits"
        for each in repaired.unrepaired
    ]
    if accuracies is not None:
        n = accuracies.samples
        lines.append(
            f"top-1 of {n}: {100 * accuracies.before / n:.2f} % in the profile's accumulators, "
            f"{100 * accuracies.narrow / n:.2f} % in {bits} bits, "
            f"{100 * accuracies.after / n:.2f} % repaired"
        )
    return "\n".join(lines)
