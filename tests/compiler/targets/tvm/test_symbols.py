# SPDX-License-Identifier: Apache-2.0
"""What a linker sees of an object: its entry; nothing that another library must bring."""

from pathlib import Path

import pytest

from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.machine import Instructions, host
from tests.compiler.targets.tvm.elf import sections, symbols
from tests.compiler.targets.tvm.test_artifact import BORDERS, every_op
from tests.simulator.text_cases import fixed_graph

# Objects for instructions that this machine lacks are made as well.
X86 = (
    Instructions.AVX512_VNNI,
    Instructions.AVX_VNNI,
    Instructions.AVX2,
    Instructions.PORTABLE,
)
each_machine = pytest.mark.parametrize("instructions", X86)


@each_machine
def test_the_object_defines_its_entry_alone(instructions: Instructions, tmp_path: Path) -> None:
    artifact = write_artifact(every_op(), "every_op", tmp_path, host(instructions))
    found = symbols(artifact.object)
    assert found.defined == {"every_op_run"}
    assert found.undefined <= {"memcpy", "memset"}


@each_machine
def test_the_object_has_nothing_for_debuggers(instructions: Instructions, tmp_path: Path) -> None:
    artifact = write_artifact(fixed_graph(BORDERS), "pixels", tmp_path, host(instructions))
    names = sections(artifact.object)
    assert ".text" in names
    assert not [name for name in names if "debug" in name or "fp16" in name]
