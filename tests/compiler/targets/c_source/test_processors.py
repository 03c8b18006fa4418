# SPDX-License-Identifier: Apache-2.0
"""C99 source on Cortex-M4 under QEMU, and on the host for real networks: the simulator's bits."""

import subprocess
from pathlib import Path

import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.c_source.artifact import write_source
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import find_tool
from intaglio.simulator.emulated.device import Device
from intaglio.simulator.emulated.layout import buffer
from tests.compiler.targets.c_source.programs import STRICT, assert_source_agrees, needs_gcc
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.emulated.devices import random_samples
from tests.simulator.engines import assert_same_tensor


class SourceDevice(Device):
    """A program whose network the C compiler of the board made of source."""

    def _build(self) -> None:
        written = write_source(self._graph, "network", self.folder, Borders.FLOAT)
        self._arena = buffer([max(written.network.plan.size, 1)])
        flags = [*self._board.flags, "-O2", "-ffreestanding", *STRICT]
        command = [self._compiler, *flags, "-c", "network.c", "-o", "network.o"]
        subprocess.run(command, cwd=self.folder, check=True)
        super()._build()


def assert_device_agrees(graph: Graph, count: int) -> None:
    samples = random_samples(graph, count)
    with SourceDevice(graph, "cortex-m4") as device:
        found = device.run(samples)
    for sample, outputs in zip(samples, found, strict=True):
        for name, expected in vectorized.run(graph, sample).items():
            assert_same_tensor("C on cortex-m4", name, outputs[name], expected)


@pytest.mark.emulated
def test_every_op_on_cortex_m4() -> None:
    assert_device_agrees(every_op(), 3)


@pytest.mark.emulated
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_nothing_but_the_arena_takes_ram(target: str, tmp_path: Path) -> None:
    """Constants stay in flash: objects and source have no data and no variables of their own."""
    graph = every_op()
    written = write_artifact(graph, "net", tmp_path / "object", arm_machine(target))
    source = write_source(graph, "net", tmp_path / "source")
    made = tmp_path / "source" / "net.o"
    compiler, size = find_tool("arm-none-eabi-gcc"), find_tool("arm-none-eabi-size")
    command = [compiler, f"-mcpu={target}", "-mthumb", "-Os", *STRICT, "-c", source.source.name]
    subprocess.run(command, cwd=made.parent, check=True)
    for file in (written.object, made):
        done = subprocess.run([size, file], capture_output=True, text=True, check=True)
        text, data, bss = done.stdout.splitlines()[1].split()[:3]
        assert int(text) > 1000
        assert (data, bss) == ("0", "0"), file


NETWORKS = ["ic01_resnet8", "vww01", "kws01", "ad01"]


@pytest.mark.real
@needs_gcc
@pytest.mark.parametrize(
    ("network", "profile"),
    [*((network, "tflm") for network in NETWORKS), ("kws01", "single-rounding")],
)
def test_real_networks(network: str, profile: str, real_data: Path, tmp_path: Path) -> None:
    path = real_data / "mlperf_tiny" / f"{network}_int8.tflite"
    graph = open_fixed(path, LoweringOptions(profile))
    samples = random_samples(graph, 1)
    flags = ["-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    assert_source_agrees(graph, samples, tmp_path, flags)


@pytest.mark.real
@pytest.mark.emulated
@pytest.mark.parametrize("network", ["kws01", "ad01"])
def test_real_networks_on_cortex_m4(network: str, real_data: Path) -> None:
    path = real_data / "mlperf_tiny" / f"{network}_int8.tflite"
    assert_device_agrees(open_fixed(path, LoweringOptions("tflm")), 1)
