# SPDX-License-Identifier: Apache-2.0
"""The verbs and what they share.  Nothing heavy is imported before a verb runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from intaglio.cli.compare import compare
from intaglio.cli.compile import compile
from intaglio.cli.demo import demo
from intaglio.cli.diagnose import diagnose
from intaglio.cli.export import export
from intaglio.cli.faults import faults
from intaglio.cli.hardware import hardware
from intaglio.cli.inspect import inspect
from intaglio.cli.lower import lower
from intaglio.cli.profiles import profiles
from intaglio.cli.prove import prove
from intaglio.cli.quantize import quantize
from intaglio.cli.repair import repair
from intaglio.cli.simulate import simulate
from intaglio.cli.sweep import sweep
from intaglio.cli.synthesize import synthesize
from intaglio.cli.vectors import vectors
from intaglio.cli.verify import verify

app = typer.Typer(
    help="Integer neural networks: compile, prove, simulate to the last bit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, what the list of verbs says of it, and the example in its help."""

    run: Callable[..., None]
    summary: str
    example: str


VERBS = (
    Verb(
        quantize,
        "Float ONNX to quantized ONNX, with calibration data or without.",
        "intaglio quantize net.onnx -o net.qdq.onnx --recipe dfq --weights per-tensor",
    ),
    Verb(
        synthesize,
        "Data made from a float network alone, to calibrate it with.",
        "intaglio synthesize net.onnx -o made.npz --recipe dsg --preprocessing tf",
    ),
    Verb(
        lower,
        "Quantized ONNX to integers, in one machine's arithmetic.",
        "intaglio lower net.qdq.onnx -o net.intaglio --profile tflm",
    ),
    Verb(
        simulate,
        "Run a model over data to the last bit.",
        "intaglio simulate net.intaglio --data a.npz --against reference",
    ),
    Verb(
        compare,
        "A model in its home runtime and here: the first bit that differs.",
        "intaglio compare net.qdq.onnx --against onnxruntime",
    ),
    Verb(
        diagnose,
        "Which layers lose what by quantization, worst first.",
        "intaglio diagnose net.onnx --calibration images.npz --weights per-tensor",
    ),
    Verb(
        compile,
        "An object to link to a C program, bit for bit the same.",
        "intaglio compile net.intaglio -o net-host",
    ),
    Verb(
        verify,
        "The object on an emulated processor: every bit, every instruction.",
        "intaglio verify net.intaglio --target cortex-m4 --data a.npz --trace",
    ),
    Verb(
        sweep,
        "A grid over the arithmetic: accuracy, flipped bits, the narrowest that suffices.",
        "intaglio sweep net.qdq.onnx --data a.npz -o sweep "
        "--axis contraction.accumulator_bits=16,20,24",
    ),
    Verb(
        inspect,
        "Layers, sizes, interface, accumulator bits by proof.",
        "intaglio inspect net.intaglio",
    ),
    Verb(
        prove,
        "Certificates: accumulator and multiplier bits, by proof.",
        "intaglio prove net.qdq.onnx -o certificate.json",
    ),
    Verb(
        repair,
        "Weights changed so that no narrow accumulator can overflow.",
        "intaglio repair net.qdq.onnx --accumulator-bits 16 -o net.intaglio",
    ),
    Verb(
        export,
        "Integers and golden tensors for C, hardware or NumPy.",
        "intaglio export net.intaglio --integers -o net.h --format c-header",
    ),
    Verb(
        vectors,
        "Operands at the corners of the arithmetic, with every stage's result.",
        "intaglio vectors net.intaglio -o corners",
    ),
    Verb(
        hardware,
        "A hardware file as integer equations, and what a network asks of it.",
        "intaglio hardware explain npu.toml net.qdq.onnx",
    ),
    Verb(
        faults,
        "Bit faults at integer storage: what shows, which bits are critical.",
        "intaglio faults net.intaglio --data a.npz --storage weights --count 1000",
    ),
    Verb(
        profiles,
        "The arithmetics that are shipped.",
        "intaglio profiles --show single-rounding > mine.toml",
    ),
    Verb(demo, "All of it on handwritten digits.", "intaglio demo"),
)

for _verb in VERBS:
    app.command(short_help=_verb.summary, epilog=f"Example: {_verb.example}")(_verb.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        from intaglio import __version__

        print(f"intaglio {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Integer neural networks: compile, prove, simulate to the last bit."""
