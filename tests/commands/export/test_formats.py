# SPDX-License-Identifier: Apache-2.0
"""What is written is read back by others: NumPy, a C compiler, and a reader of hexadecimals."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.commands.export import ExportFormat, export_integers
from intaglio.commands.export.columns import Element
from intaglio.commands.export.plain_words import plain_array
from intaglio.commands.export.tensors import ExportedTensor, collect
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.compiler.ir.verify import check
from intaglio.errors import InvalidFile
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Float32Multiply, RationalMultiply

EVEN = Rounding.HALF_EVEN
COMPILER = shutil.which("cc") or shutil.which("gcc")


@pytest.fixture
def graph() -> Graph:
    """Constants at the ends of their types, wide parameters, and names that C can't have."""
    builder = Builder("odd */ name", Level.FIXED, "made-up")
    x = builder.input("x/in", TensorType(IntType(8, signed=True), (1, 2)))
    sums: list[str] = []
    for bits, signed in ((3, True), (8, True), (32, True), (33, True), (63, True), (31, False)):
        element = IntType(bits, signed)
        ends = np.array([element.minimum, element.maximum], np.int64)
        constant = builder.constant(f"c.{element}", TensorType(element, (1, 2)), ends)
        low, high = min(element.minimum, -128), max(element.maximum, 127)
        width = max(high.bit_length(), (~low).bit_length()) + 1
        kind = TensorType(IntType(width, signed=True), (1, 2))
        name = builder.node(f"min.{element}", kind, fixed.Minimum(), [x, constant], "a*/b\n")
        sums.append(name)
    narrow = TensorType(IntType(8, signed=True), (1, 2))
    first = Requantizer(RationalMultiply(-3, 1 << 90, EVEN), 0, -128, 127)
    second = Requantizer(Float32Multiply(Float32(0x00000001)), 1, -7, 7)
    done = builder.node("done", narrow, fixed.Requantize((first, second)), [sums[2]])
    real = TensorType(FLOAT32, (1, 2))
    out = builder.node("y", real, fixed.Dequantize(Float32(0x3DCCCCCD), 3), [done])
    made = builder.finish([*sums, out])
    check(made)
    return made


def tensors(graph: Graph) -> dict[str, ExportedTensor]:
    return {each.name: each for each in collect(graph).tensors()}


def test_the_npz_holds_every_array(graph: Graph, tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    summary = export_integers(graph, path, ExportFormat.NPZ)
    expected = tensors(graph)
    assert summary.arrays == len(expected)
    with np.load(path, allow_pickle=False) as archive:
        assert set(archive.files) == {"index", *expected}
        for name, tensor in expected.items():
            np.testing.assert_array_equal(archive[name], plain_array(tensor))
            assert archive[name].dtype == plain_array(tensor).dtype
        index = json.loads(str(archive["index"]))
        wide = archive["nodes/done/requantizers.scaling.rational_multiply.denominator"]
    assert wide.tolist() == [[0, 1 << 26]]
    assert index["profile"] == "made-up"
    assert [each["op"] for each in index["nodes"]] == ["minimum"] * 6 + ["requantize", "dequantize"]


def test_the_hex_files_are_twos_complement_of_the_true_width(graph: Graph, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export_integers(graph, folder, ExportFormat.HEX)
    index = json.loads((folder / "index.json").read_text())
    expected = tensors(graph)
    assert [entry["name"] for entry in index["arrays"]] == list(expected)
    for entry in index["arrays"]:
        kind, bits = entry["type"][0], int(entry["type"][1:])
        lines = (folder / entry["file"]).read_text().split()
        assert {len(line) for line in lines} <= {-(-bits // 4)}
        codes = [int(line, 16) for line in lines]
        assert all(code < 1 << bits for code in codes)
        values: list[Any] = codes
        if kind == "i":
            values = [code - (1 << bits) if code >> (bits - 1) else code for code in codes]
        elif kind == "f":
            values = np.array(codes, np.uint32).view(np.float32).tolist()
        assert values == expected[entry["name"]].array.ravel().tolist()
    assert (folder / "constants" / "c.i3.hex").read_text() == "4\n3\n"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.hex")} == {
        entry["file"] for entry in index["arrays"]
    }


@pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")
def test_the_header_compiles_and_holds_the_values(graph: Graph, tmp_path: Path) -> None:
    assert COMPILER is not None
    header = tmp_path / "2 odd-name.h"
    export_integers(graph, header, ExportFormat.C_HEADER)
    strict = [COMPILER, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([*strict, "-fsyntax-only", "-x", "c", header], check=True)
    expected = [each for each in tensors(graph).values() if each.array.size]
    program = tmp_path / "main.c"
    lines = ["#include <stdio.h>", f'#include "{header.name}"', "int main(void) {"]
    for line in header.read_text().splitlines():
        if line.startswith("static const "):
            name, size = line.split("[")[0].split()[-1], line.split("[")[1].split("]")[0]
            lines.append(f"fwrite({name}, sizeof *{name}, {size}, stdout);")
    program.write_text("\n".join([*lines, "return 0; }"]))
    binary = tmp_path / "main"
    subprocess.run([*strict, program, "-o", binary], check=True)
    printed = subprocess.run([binary], check=True, capture_output=True).stdout
    assert printed == b"".join(plain_array(each).tobytes() for each in expected)


def test_a_folder_with_content_is_left_alone(graph: Graph, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "precious").write_text("x")
    with pytest.raises(InvalidFile, match="stands there already"):
        export_integers(graph, folder, ExportFormat.HEX)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "precious"]


def test_words_of_wide_integers_come_least_significant_first() -> None:
    values: NDArray[Any] = np.array([-1, 1 << 64, (1 << 127) - 1], dtype=object)
    words = plain_array(ExportedTensor("x", Element("i", 128), values))
    most = (1 << 64) - 1
    assert words.tolist() == [[most, most], [0, 1], [most, most >> 1]]
