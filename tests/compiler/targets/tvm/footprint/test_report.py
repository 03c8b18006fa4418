# SPDX-License-Identifier: Apache-2.0
"""The footprint of an object is what the object holds, and what its plan says."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from intaglio.compiler.targets.tvm.arm_machines import ARM_MACHINES
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.footprint.picture import arena_picture
from intaglio.compiler.targets.tvm.footprint.report import Footprint
from intaglio.compiler.targets.tvm.machine import Instructions, Machine, host
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.text_cases import fixed_graph

CHAIN = """
%x: i8[1,8,8,4] = input
%w: i8[16,3,3,4] = constant zeros
%v: i8[4,1,1,16] = constant zeros
%s: i32[1,8,8,16] = conv2d(%x, %w) accumulator=accumulator(type=i32) pads=[1, 1, 1, 1]
%a: i8[1,8,8,16] = cast(%s) overflow=saturate
%t: i32[1,4,4,4] = conv2d(%a, %v) accumulator=accumulator(type=i32) strides=[2, 2]
%b: i8[1,4,4,4] = cast(%t) overflow=saturate
%y: i8[1,4,4,4] = maximum(%b, %b)
""".replace("i8[16,3,3,4] = constant zeros", f"i8[16,3,3,4] = constant {[1] * 576}").replace(
    "i8[4,1,1,16] = constant zeros", f"i8[4,1,1,16] = constant {[2] * 64}"
)


def measured(folder: Path, machine: Machine, threads: int = 1) -> Footprint:
    return write_artifact(every_op(), "net", folder, machine, threads=threads).footprint


@pytest.mark.parametrize("target", ["host", *ARM_MACHINES])
def test_the_bytes_are_those_that_tools_count(target: str, tmp_path: Path) -> None:
    found = measured(tmp_path, host() if target == "host" else ARM_MACHINES[target])
    assert found.stack.size is not None
    assert found.stack.path[0] == "net_run"
    assert found.constants % 64 == 0 < found.constants
    assert (found.data, found.zeroed) == (0, 0)
    assert 0.8 * found.code < sum(found.functions.values()) <= found.code
    if shutil.which("readelf") is None:
        pytest.skip("needs readelf")
    text = subprocess.run(
        ["readelf", "-sW", tmp_path / "net.o"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in text.splitlines() if " FUNC " in line and " UND " not in line]
    assert found.functions == {row[7]: int(row[2]) for row in rows}
    text = subprocess.run(
        ["readelf", "-SW", tmp_path / "net.o"], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.partition("]")[2].split() for line in text.splitlines() if "PROGBITS" in line]
    assert found.code == sum(int(line[4], 16) for line in lines if line[6] == "AX")


def test_the_manifest_has_all_of_it(tmp_path: Path) -> None:
    found = measured(tmp_path, ARM_MACHINES["cortex-m4"])
    written = json.loads((tmp_path / "net.json").read_text())["footprint"]
    assert written["flash_bytes"] == found.flash > found.code + found.constants
    assert written["ram_bytes"] == found.ram
    assert [layer["name"] for layer in written["layers"]] == [each.name for each in found.layers]
    assert written["arena"] == found.arena == max(layer.live for layer in found.layers)


@pytest.mark.parametrize("threads", [1, 2])
def test_layers_and_places_follow_the_plan(threads: int, tmp_path: Path) -> None:
    graph = fixed_graph(CHAIN)
    machine = host(Instructions.PORTABLE)
    found = write_artifact(graph, "net", tmp_path, machine, threads=threads).footprint
    assert [layer.multiply_accumulates for layer in found.layers] == [36864, 1024, 0]
    assert [layer.result for layer in found.layers] == [1024, 64, 64]
    assert [layer.live for layer in found.layers] == [1024, 1088, 64]
    assert [(p.value, p.size, p.first, p.last) for p in found.places] == [
        ("a", 1024, 0, 1),
        ("b", 64, 1, 2),
    ]
    assert (found.peak, found.inputs, found.outputs) == (1, 256, 64)
    assert [place.value for place in found.held_at_peak] == ["a", "b"]
    assert found.ram == 1088 + 256 + 64 + (found.stack.size or 0)


def test_a_frame_that_cannot_be_read_is_not_counted(tmp_path: Path) -> None:
    found = measured(tmp_path, host(Instructions.PORTABLE))
    assert found.stack.size is not None
    unknown = replace(found, stack=replace(found.stack, size=None))
    assert unknown.ram == found.ram - found.stack.size


def test_the_picture_has_every_place_and_step(tmp_path: Path) -> None:
    graph = fixed_graph(CHAIN)
    found = write_artifact(graph, "net", tmp_path, host(Instructions.PORTABLE)).footprint
    picture = ElementTree.fromstring(arena_picture(found))
    titles = [each.text for each in picture.iter() if each.tag.endswith("title")]
    assert "a: 1,024 bytes, steps 0 to 1" in [
        title.replace("s:", "a:") for title in titles if title
    ]
    assert len(titles) == len(found.places) + len(found.layers)
