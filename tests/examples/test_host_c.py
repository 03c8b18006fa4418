# SPDX-License-Identifier: Apache-2.0
"""The C program of ``examples/host_c`` prints the simulator's bits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Node
from intaglio.simulator import reference

FOLDER = Path(__file__).parents[2] / "examples" / "host_c"
IMAGES = 4


def makes(tmp_path: Path) -> list[list[str]]:
    """The words of each line that the example prints about an image."""
    command = ["make", "-s", f"BUILD={tmp_path}", f"PYTHON={sys.executable}", f"IMAGES={IMAGES}"]
    # A make around the tests must not hand its own options on.
    environment = {name: text for name, text in os.environ.items() if "MAKE" not in name}
    finished = subprocess.run(
        command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=True
    )
    return [line.split() for line in finished.stdout.splitlines() if line.startswith("image_")]


def test_the_program_prints_the_bits_of_the_simulator(tmp_path: Path) -> None:
    for tool in ("cc", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    printed = makes(tmp_path)
    graph = open_fixed(tmp_path / "digits.qdq.onnx", LoweringOptions())
    (output,) = graph.outputs
    dequantize = graph.definitions[output]
    assert isinstance(dequantize, Node)
    assert isinstance(dequantize.op, fixed.Dequantize)
    with np.load(FOLDER.parent / "digits" / "heldout.npz") as data:
        images, labels = data["inputs"][:IMAGES], data["labels"][:IMAGES]
    assert len(printed) == IMAGES
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        seen: dict[str, Array] = {}
        reference.run(graph, {graph.inputs[0].name: image[None]}, seen.__setitem__)
        codes = [str(code) for code in seen[dequantize.operands[0]].ravel()]
        assert len(codes) == 10
        assert printed[number] == [f"image_{number:03}_is_{label}:", *codes]
