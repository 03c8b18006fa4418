# SPDX-License-Identifier: Apache-2.0
"""Objects for Cortex-M link with code that passes floats in either kind of registers."""

import subprocess
from pathlib import Path

import pytest

from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.simulator.emulated.boards import find_tool
from tests.compiler.targets.tvm.test_artifact import BORDERS
from tests.simulator.text_cases import fixed_graph

pytestmark = pytest.mark.emulated

# A function of floats says which registers it takes them in.
FLOATS = "volatile float kept; void keep(float x) { kept = x; }\n"


@pytest.mark.parametrize(
    "target", ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]
)
def test_an_object_links_with_every_float_abi(target: str, tmp_path: Path) -> None:
    graph = fixed_graph(BORDERS)
    write_artifact(graph, "net", tmp_path, arm_machine(target), Borders.FLOAT)
    (tmp_path / "floats.c").write_text(FLOATS)
    abis = ["soft"] if target == "cortex-m0plus" else ["soft", "softfp", "hard"]
    for abi in abis:
        command = [find_tool("arm-none-eabi-gcc"), f"-mcpu={target}", "-mthumb"]
        command += [f"-mfloat-abi={abi}", "-Wall", "-Wextra", "-Werror", "-Wl,--no-warnings"]
        command += ["-nostartfiles", "-Wl,-emain", "floats.c", "main.c", "net.o", "-o", "program"]
        subprocess.run(command, cwd=tmp_path, check=True)
