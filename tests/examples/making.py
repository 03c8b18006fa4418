# SPDX-License-Identifier: Apache-2.0
"""Run an example's Makefile, and compute what it should print."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Node
from intaglio.simulator import reference

EXAMPLES = Path(__file__).parents[2] / "examples"


def make(example: str, build: Path, **variables: object) -> list[str]:
    """The lines that an example prints."""
    given = {"BUILD": build, "PYTHON": sys.executable, **variables}
    command = ["make", "-s", *(f"{name}={value}" for name, value in given.items())]
    # A make around the tests must not hand its own options on.
    environment = {name: text for name, text in os.environ.items() if "MAKE" not in name}
    finished = subprocess.run(
        command, cwd=EXAMPLES / example, env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout.splitlines()


def held_out_digits(model: Path, count: int) -> tuple[list[list[str]], npt.NDArray[np.int64]]:
    """The codes of the classes that the quantized digits network gives, and the labels."""
    graph = open_fixed(model, LoweringOptions())
    (output,) = graph.outputs
    dequantize = graph.definitions[output]
    assert isinstance(dequantize, Node)
    assert isinstance(dequantize.op, fixed.Dequantize)
    with np.load(EXAMPLES / "digits" / "heldout.npz") as data:
        images, labels = data["inputs"][:count], data["labels"][:count]
    codes: list[list[str]] = []
    for image in images:
        seen: dict[str, Array] = {}
        reference.run(graph, {graph.inputs[0].name: image[None]}, seen.__setitem__)
        codes.append([str(code) for code in seen[dequantize.operands[0]].ravel()])
    return codes, labels
