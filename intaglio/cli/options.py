# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs take."""

import os
from pathlib import Path
from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

Labels = Annotated[
    Path | None,
    typer.Option(help="Label file of a folder or zip; it chooses the images and their order."),
]

Preprocessing = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="What makes inputs of images: torchvision, tf, caffe, cifar, raw, or a TOML file.",
    ),
]

Workers = Annotated[
    int, typer.Option(min=0, help="Processes that decode images; 0 decodes in the main one.")
]

Threads = Annotated[int, typer.Option(min=1, help="How many batches are simulated at a time.")]

Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="The arithmetic of a quantized model: see `intaglio profiles`; by default "
        "single-rounding for ONNX, litert-ref-1.3 for .tflite.",
    ),
]

Batch = Annotated[
    int | None,
    typer.Option(
        min=1, help="Extent of an open batch; if left out 1, or what a .tflite file notes."
    ),
]

Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DIMS",
        help="Dimensions of an input with other open ones, such as image=?,3,224,224.",
    ),
]


Datatype = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=TYPE",
        help="What a float input of a QONNX model holds that the model doesn't quantize, such as "
        "x=FIXED<16,6> or x=BIPOLAR.",
    ),
]


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
