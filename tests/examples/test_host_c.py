# SPDX-License-Identifier: Apache-2.0
"""The C program of ``examples/host_c`` prints the simulator's bits."""

import shutil
from pathlib import Path

import pytest

from tests.examples.making import held_out_digits, make

IMAGES = 4


def test_the_program_prints_the_bits_of_the_simulator(tmp_path: Path) -> None:
    for tool in ("cc", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    lines = make("host_c", tmp_path, IMAGES=IMAGES)
    printed = [line.split() for line in lines if line.startswith("image_")]
    codes, labels = held_out_digits(tmp_path / "digits.qdq.onnx", IMAGES)
    assert len(printed) == IMAGES
    for number, (row, label) in enumerate(zip(codes, labels, strict=True)):
        assert len(row) == 10
        assert printed[number] == [f"image_{number:03}_is_{label}:", *row]
