# SPDX-License-Identifier: Apache-2.0
"""The object, its header and its program: what a C compiler makes of them prints our bits."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.pipeline import lower
from intaglio.compiler.targets.tvm.artifact import Artifact, write_artifact
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.errors import InvalidOption, UnsupportedModel
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.golden_files import Golden
from tests.simulator.text_cases import fixed_graph

needs_c = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler named cc")

BORDERS = """
%x: f32[1,2,2,1] = input from "image:0"
%q: u8[1,2,2,1] = quantize(%x) scale=f32(0.5) zero_point=3 rounding=half-even
%w: i8[2,1,1,1] = constant [5, -7]
%b: i32[2] = constant [9, 1]
%sum: i32[1,2,2,2] = conv2d(%q, %w, %b) accumulator=accumulator(type=i32) input_zero_point=3
%code: i8[1,2,2,2] = requantize(%sum) requantizers=[requantizer(scaling=shift(shift=3, \
rounding=half-even), zero_point=1, low=-128, high=127)]
%y: f32[1,2,2,2] = dequantize(%code) scale=f32(4.0) zero_point=1
""".replace("\\\n", "")


def every_op() -> Graph:
    graph = lower(scaled_graph(), load_profile("single-rounding"))
    kept = tuple(node for node in graph.nodes if type(node.op).__name__ != "Float32Softmax")
    from dataclasses import replace

    outputs = (graph.outputs[0], kept[-1].name)
    return replace(graph, nodes=kept, outputs=outputs, output_quantizations=())


def printed(artifact: Artifact, inputs: list[Path], flags: list[str]) -> list[str]:
    folder = artifact.object.parent
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", *flags]
    command += [artifact.program.name, artifact.object.name, "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    shown = subprocess.run(
        ["./program", *map(str, inputs)], cwd=folder, check=True, capture_output=True, text=True
    )
    assert shown.stderr == ""
    return shown.stdout.split()


@needs_c
@pytest.mark.parametrize("borders", Borders)
@pytest.mark.parametrize("flags", [[], ["-fsanitize=address,undefined"]])
def test_a_c_program_prints_the_bits(borders: Borders, flags: list[str], tmp_path: Path) -> None:
    graph = every_op()
    artifact = write_artifact(graph, "every_op", tmp_path, host(), borders)
    compiled = interface(graph, borders).graph
    rng = np.random.default_rng(3)
    inputs = {
        given.name: rng.normal(0, 4, given.type.shape).astype(np.float32)
        if borders is Borders.FLOAT
        else rng.integers(0, 256, given.type.shape, dtype=np.uint8)
        for given in compiled.inputs
    }
    files = [tmp_path / f"{number}.bin" for number in range(len(inputs))]
    for file, array in zip(files, inputs.values(), strict=True):
        array.tofile(file)
    outputs = vectorized.run(compiled, inputs)
    expected = [
        float(value).hex() if array.dtype == np.float32 else str(int(value))
        for array in (outputs[name] for name in compiled.outputs)
        for value in array.ravel()
    ]
    found = printed(artifact, files, flags)
    assert [_canonical(text) for text in found] == expected


def _canonical(text: str) -> str:
    return float.fromhex(text).hex() if "x" in text else text


def test_the_header(golden: Golden, tmp_path: Path) -> None:
    machine = host(Instructions.PORTABLE)
    artifact = write_artifact(fixed_graph(BORDERS), "two_pixels", tmp_path, machine)
    text = artifact.header.read_text()
    version = text.split("COMPILER")[1].split('"')[1]
    assert text.replace(version, "intaglio VERSION") == golden


def test_the_manifest(tmp_path: Path) -> None:
    machine = host(Instructions.PORTABLE)
    artifact = write_artifact(fixed_graph(BORDERS), "two_pixels", tmp_path, machine)
    manifest = json.loads(artifact.manifest.read_text())
    assert manifest["machine"]["instructions"] == "portable"
    assert manifest["inputs"] == [
        {"name": "image:0", "type": "u8", "shape": [1, 2, 2, 1], "scale": 0.5, "zero_point": 3}
    ]
    assert manifest["kernels"] == [
        {
            "name": "code",
            "ops": ["Conv2d", "Requantize"],
            "form": "portable",
            "functions": ["two_pixels_kernel_0"],
        }
    ]


def test_codes_keep_the_scales_that_the_model_states() -> None:
    scaled = parse_graph("""
        graph net scaled
        %x: u8[1,4]{scale=f32(0.5), zero_point=3} = input
        %y: i8[1,4]{scale=f32(0.25), zero_point=-7} = requantize(%x)
        return %y as "probabilities"
    """)
    graph = lower(scaled, load_profile("single-rounding"))
    assert parse_graph(print_graph(graph)) == graph
    found = interface(graph, Borders.CODES)
    ports = [(port.source, str(port.scale), port.zero_point) for port in found.inputs]
    assert ports == [("x", "0.5", 3)]
    ports = [(port.source, str(port.scale), port.zero_point) for port in found.outputs]
    assert ports == [("probabilities", "0.25", -7)]


def test_borders_may_stay_float() -> None:
    found = interface(fixed_graph(BORDERS), Borders.FLOAT)
    assert found.graph.nodes == fixed_graph(BORDERS).nodes
    assert [port.scale for port in (*found.inputs, *found.outputs)] == [None, None]


def test_a_name_must_be_an_identifier(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="name 2x: is no C identifier"):
        write_artifact(fixed_graph(BORDERS), "2x", tmp_path, host())


def test_what_has_no_kernel_is_named(tmp_path: Path) -> None:
    graph = fixed_graph(
        """
        %x: i8[4] = input
        %r: f32[4] = dequantize(%x) scale=f32(0.5) zero_point=0
        %y: f32[4] = float32_softmax(%r) axis=0
        """
    )
    with pytest.raises(UnsupportedModel, match=r"y \(y\): Float32Softmax is correctly rounded"):
        write_artifact(graph, "softmax", tmp_path, host())
