# SPDX-License-Identifier: Apache-2.0
"""Objects for cores without an operating system need no library and no unit for floats."""

import subprocess
from pathlib import Path

import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.arm_machines import ARM_MACHINES
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.undefined_symbols import undefined_symbols
from intaglio.simulator.emulated.boards import find_tool
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

pytestmark = pytest.mark.emulated

BARE = [target for target, machine in ARM_MACHINES.items() if machine.bare]

# Of vectors of integers; what begins so and isn't here is arithmetic of floats.
MOVES = ("vmov", "vldr", "vstr", "vpush", "vpop", "vdup", "vld", "vst", "vmsr", "vmrs")
INTEGERS = (".i8", ".i16", ".i32", ".s8", ".s16", ".s32", ".s64", ".u8", ".u16", ".u32", ".u64")
BITS = ("veor", "vorr", "vand", "vbic", "vorn", "vmvn", "vpsel", "vpt", "vpst", "vctp", "vpnot")


def object_of(graph: Graph, target: str, folder: Path) -> Path:
    return write_artifact(graph, "net", folder, ARM_MACHINES[target], Borders.FLOAT).object


def float_instructions(file: Path) -> set[str]:
    """Mnemonics of an object that aren't of integers."""
    shown = subprocess.run(
        [find_tool("arm-none-eabi-objdump"), "-d", "--no-show-raw-insn", file],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line.split("\t") for line in shown.stdout.splitlines()]
    found = {line[1].strip() for line in lines if len(line) > 1 and line[1].startswith("v")}
    assert any(len(line) > 1 and line[1].startswith("bl") for line in lines)
    known = (*MOVES, *BITS)
    return {name for name in found if not name.startswith(known) and not name.endswith(INTEGERS)}


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4"])
def test_every_op_gives_the_simulators_bits(target: str) -> None:
    graph = every_op()
    assert_device_agrees(graph, target, random_samples(graph, 3))


@pytest.mark.parametrize("target", BARE)
def test_every_op_needs_nothing_else(target: str, tmp_path: Path) -> None:
    file = object_of(every_op(), target, tmp_path)
    assert undefined_symbols(file) == []
    assert float_instructions(file) == set()
