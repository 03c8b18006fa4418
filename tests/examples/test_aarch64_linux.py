# SPDX-License-Identifier: Apache-2.0
"""The program of ``examples/aarch64_linux`` prints the simulator's bits on each processor."""

import shutil
from pathlib import Path

import pytest

from intaglio.simulator.emulated.boards import find_tool
from tests.examples.making import held_out_digits, make

pytestmark = pytest.mark.emulated

IMAGES = 3


def test_the_program_prints_the_bits_of_the_simulator(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
        find_tool(tool)
    expected: list[list[str]] = []
    for cpu in ("cortex-a53", "neoverse-n1", "max,sve=off"):
        lines = make("aarch64_linux", tmp_path, IMAGES=IMAGES, CPU=cpu)
        if not expected:
            codes, labels = held_out_digits(tmp_path / "digits.qdq.onnx", IMAGES)
            expected = [
                [f"{tmp_path}/images/image_{number:03}_is_{label}.bin:", *row, "->", str(label)]
                for number, (row, label) in enumerate(zip(codes, labels, strict=True))
            ]
        assert [line.split() for line in lines if ".bin:" in line] == expected, cpu
