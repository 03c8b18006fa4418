# SPDX-License-Identifier: Apache-2.0
"""``intaglio quantize``."""

from pathlib import Path
from typing import Annotated

import typer

from intaglio.cli.options import Json, Labels, Preprocessing, Quiet, Shape, Workers


def quantize(
    model: Annotated[Path, typer.Argument(help="A float ONNX model.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ONNX file to write.")],
    calibration: Annotated[
        Path,
        typer.Option(help="Data that shows the ranges: .npz, folder or zip (docs/data.md)."),
    ],
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    samples: Annotated[int, typer.Option(min=1, help="Use at most this many samples.")] = 100,
    recipe: Annotated[str, typer.Option(help="How scales are found.")] = "minmax",
    bits: Annotated[
        str, typer.Option(metavar="wNaN", help="Widths of weights and activations, 2 to 16.")
    ] = "w8a8",
    per_tensor: Annotated[
        bool, typer.Option("--per-tensor", help="One weight scale a tensor, not one a channel.")
    ] = False,
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
    from intaglio.commands.models import parse_shapes
    from intaglio.commands.progress import progress
    from intaglio.commands.quantize import CalibrationSource, quantize_file
    from intaglio.compiler.real.options import QuantizationOptions, parse_bits

    weight_bits, activation_bits = parse_bits(bits)
    options = QuantizationOptions(
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        per_channel=not per_tensor,
        symmetric_weights=not affine_weights,
        narrow_weights=not full_range_weights,
        symmetric_activations=symmetric,
        signed_activations=signed,
        power_of_two_scales=power_of_two,
    )
    source = CalibrationSource(calibration, labels, preprocessing, samples, workers)
    with progress("calibrating", quiet=quiet) as report:
        summary = quantize_file(
            model,
            output,
            source,
            options,
            recipe=recipe,
            shapes=parse_shapes(shape or ()),
            progress=report,
        )
    print_facts(
        {
            "output": str(summary.output),
            "recipe": summary.recipe,
            "samples": summary.samples,
            "activations": summary.activations,
            "constants": summary.constants,
            "float_bytes": summary.float_bytes,
            "output_bytes": summary.output_bytes,
        },
        f"{summary.output}: {summary.activations} activations and {summary.constants} constants "
        f"in {bits}, ranges from {summary.samples} samples; "
        f"{summary.float_bytes:,} bytes before, {summary.output_bytes:,} now",
        as_json=as_json,
    )
