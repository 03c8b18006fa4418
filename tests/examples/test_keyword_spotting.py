# SPDX-License-Identifier: Apache-2.0
"""The firmware of ``examples/keyword_spotting`` prints the simulator's bits in QEMU."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import find_tool
from tests.examples.making import held_out_digits, make

pytestmark = pytest.mark.emulated

NAMES = "down go left no off on right stop up yes silence unknown".split()


def firmware(build: Path, **variables: object) -> list[list[str]]:
    """The words of each line that the firmware sends."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        find_tool(tool)
    lines = make("keyword_spotting", build, **variables)
    return [line.split() for line in lines if line.startswith("sample ")]


def test_digits_where_there_is_no_keyword_network(tmp_path: Path) -> None:
    printed = firmware(tmp_path, COUNT=3)
    codes, labels = held_out_digits(tmp_path / "digits.qdq.onnx", 3)
    assert printed == [
        ["sample", f"{number},", f"{label}:", *row, "->", str(label)]
        for number, (row, label) in enumerate(zip(codes, labels, strict=True))
    ]
    # The same object links with code that passes floats in registers of their own.
    (tmp_path / "digits.qdq" / "firmware.elf").unlink()
    assert firmware(tmp_path, COUNT=3, FLOAT_ABI="hard") == printed


@pytest.mark.real
def test_keywords(real_data: Path, tmp_path: Path) -> None:
    model = real_data / "mlperf_tiny" / "kws01_int8.tflite"
    samples = real_data / "mlperf_tiny" / "kws01_eval.npz"
    printed = firmware(tmp_path, MODEL=model, SAMPLES=samples, COUNT=20)
    graph = open_fixed(model, LoweringOptions("tflm"))
    with np.load(samples) as data:
        spectra, classes = data["mfcc"][:20], data["label"][:20]
    right = 0
    for number, (spectrum, named) in enumerate(zip(spectra, classes, strict=True)):
        (codes,) = vectorized.run(graph, {graph.inputs[0].name: spectrum[None]}).values()
        greatest = int(codes.argmax())
        words = ["sample", f"{number},", f"{NAMES[named]}:", *map(str, codes.ravel())]
        assert printed[number] == [*words, "->", NAMES[greatest]]
        right += greatest == named
    assert len(printed) == 20
    assert right >= 16
