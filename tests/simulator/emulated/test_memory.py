# SPDX-License-Identifier: Apache-2.0
"""What an emulated program holds, and that kernels which leave their memory are found."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.artifact import Artifact, write_artifact
from intaglio.errors import EmulationFailed
from intaglio.numerics.integers import IntType
from intaglio.simulator.emulated import device as device_module
from intaglio.simulator.emulated.boards import BOARDS
from intaglio.simulator.emulated.device import Device
from intaglio.simulator.emulated.layout import GUARD, buffer
from tests.simulator.emulated.devices import assert_device_agrees, random_samples
from tests.simulator.text_cases import fixed_graph

pytestmark = pytest.mark.emulated

TARGETS = ("aarch64", "cortex-m4", "cortex-m55")

PAIR = """
%x: i8[1,70] = input
%z: i8[1,33] = input
%w: i8[70,33] = constant [@]
%sum: i32[1,33] = mat_mul(%x, %w) accumulator=accumulator(type=i32)
%small: i8[1,33] = cast(%sum) overflow=wrap
%y: i9[1,33] = add(%small, %z)
""".replace("@", ", ".join(str(n * 31 % 251 - 125) for n in range(70 * 33)))
"""Inputs of 70 and 33 bytes, an output of 66 and an arena."""

WRONG = {
    "behind an output": ("((char *)outputs[0])[66] = 0;", "wrote beside an output"),
    "before an output": ("((char *)outputs[0])[-1] = 0;", "wrote beside an output"),
    "behind the arena": ("((char *)arena)[NETWORK_ARENA_SIZE] = 0;", "wrote beside its arena"),
    "before the arena": ("((char *)arena)[-64] = 0;", "wrote beside its arena"),
    "into an input": ("((char *)inputs[1])[32] ^= 1;", "wrote into or beside an input"),
    "behind an input": ("((char *)inputs[0])[70] = 0;", "wrote into or beside an input"),
    "a trap of Linux": ("__builtin_trap();", "ended by SIG"),
    "an error": ("return 1;", "returned an error"),
    "behind a small output": ("((char *)outputs[0])[66 + 63] = 0;", "wrote beside an output"),
    "a fault": ("__builtin_trap();", "ended with a fault"),
}

SOURCE = """
#include <stdint.h>
#include "network.h"
volatile int8_t sink;
__attribute__((noinline)) void network_kernel_0(const void *const *inputs, void *const *outputs,
                                                void *arena) {{ {0} }}
int32_t network_run(const void *const *inputs, void *const *outputs, void *arena) {{
    network_kernel_0(inputs, outputs, arena);
    {1}
    return 0;
}}
"""


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gives a device whose network is a piece of C."""
    made: list[Device] = []

    def of(target: str, kernel: str, run: str = "", patience: float = 60) -> Device:
        def write(*arguments: Any, **options: Any) -> Artifact:
            artifact = write_artifact(*arguments, **options)
            source = artifact.object.with_suffix(".c")
            source.write_text(SOURCE.format(kernel, run))
            board = BOARDS[target]
            command = [board.tool("gcc"), *board.flags, "-O1", "-c", str(source)]
            subprocess.run([*command, "-o", str(artifact.object)], check=True)
            return artifact

        monkeypatch.setattr(device_module, "write_artifact", write)
        made.append(Device(fixed_graph(PAIR), target, patience))
        return made[-1]

    yield of
    for device in made:
        device.__exit__(None, None, None)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_kernel_is_found(wrong: Any, case: str) -> None:
    target = ("aarch64", "cortex-m4")[[*WRONG].index(case) % 2]
    code, expected = WRONG[case]
    device = wrong(target, "", code) if "return" in code else wrong(target, code)
    with pytest.raises(EmulationFailed, match=expected) as failed:
        device.run(random_samples(fixed_graph(PAIR), 2))
    assert str(failed.value).startswith(f"{target}: running failed; ")


@pytest.mark.parametrize("target", TARGETS)
def test_every_access_beside_its_memory_is_found(wrong: Any, target: str) -> None:
    device = wrong(
        target,
        # All that is allowed, and four bytes that aren't.
        "volatile char deep[96]; deep[0] = 1; sink = deep[0] + ((int8_t *)inputs[0])[69];"
        "((volatile int8_t *)outputs[0])[65] = 1; ((volatile int8_t *)arena)[0] = 1;"
        "sink = ((int8_t *)inputs[0])[70]; sink = ((int8_t *)inputs[1])[-1];"
        "sink = ((int8_t *)outputs[0])[66]; sink = ((int8_t *)arena)[NETWORK_ARENA_SIZE];",
    )
    found = device.accesses(random_samples(fixed_graph(PAIR), 1)[0])
    reads = [stray for stray in found.strays if " reads " in stray]
    assert [stray.split(",")[0] for stray in reads] == [
        "network_kernel_0 reads 1 bytes beside inputs",
        "network_kernel_0 reads 1 bytes beside inputs",
        "network_kernel_0 reads 1 bytes beside outputs",
        "network_kernel_0 reads 1 bytes beside arena",
    ]
    assert 96 <= found.stack < 256


def test_vectors_of_mve_are_watched_too(wrong: Any) -> None:
    device = wrong(
        "cortex-m55",
        "uint32_t at = (uint32_t)inputs[0] + 60;"
        '__asm volatile("vldrb.8 q0, [%0]\\n vstrb.8 q0, [%1]" :: "r"(at), "r"(arena));',
    )
    strays = device.accesses(random_samples(fixed_graph(PAIR), 1)[0]).strays
    # The last six of sixteen bytes.
    assert strays
    assert all("network_kernel_0 reads" in stray and "beside inputs" in stray for stray in strays)


@pytest.mark.parametrize("target", ["aarch64", "cortex-m4"])
def test_an_emulator_that_hangs_is_ended(wrong: Any, target: str) -> None:
    device = wrong(target, "for (volatile int n = 0;;) n = 1;", patience=0.3)
    with pytest.raises(EmulationFailed, match=r"stopped: no progress in 0\.3 seconds"):
        device.run(random_samples(fixed_graph(PAIR), 1))


@pytest.mark.parametrize("target", TARGETS)
def test_real_kernels_keep_to_their_memory(target: str) -> None:
    graph = fixed_graph(PAIR)
    samples = random_samples(graph, 2)
    with Device(graph, target) as device:
        assert device.accesses(samples[0]).strays == ()
        counted = device.count(samples[0])
        folder = device.folder
    assert not folder.exists()
    steps = len(counted.by_step)
    assert steps == len(device.manifest["kernels"]) >= 2
    assert 0 < counted.total - sum(counted.by_step) < 150


def large() -> Graph:
    """2 MB of input, 2 MB of constants and 4 MB of output."""
    shape = (1, 2_000_003)
    byte = TensorType(IntType(8, signed=True), shape)
    values = np.random.default_rng(3).integers(-128, 128, shape)
    return Graph(
        "large",
        Level.FIXED,
        (Input("x", byte),),
        (Constant("c", byte, values),),
        (Node("y", TensorType(IntType(9, signed=True), shape), fixed.Add(), ("x", "c")),),
        ("y",),
    )


@pytest.mark.parametrize("target", ["aarch64", "cortex-m0plus", "cortex-m33", *TARGETS[1:]])
def test_tensors_and_constants_of_megabytes(target: str) -> None:
    graph = large()
    assert_device_agrees(graph, target, random_samples(graph, 1))


def test_what_no_board_holds_is_refused() -> None:
    graph = large()
    shape = (1, 20_000_000)
    byte = TensorType(IntType(8, signed=True), shape)
    clamp = fixed.Clamp((-100,), (100,))
    node = Node("y", byte, clamp, ("x",))
    graph = Graph("larger", Level.FIXED, (Input("x", byte),), (), (node,), ("y",))
    with pytest.raises(EmulationFailed, match=r"cortex-m4: .*fit.*20,000,128 bytes of outputs"):
        Device(graph, "cortex-m4")


@pytest.mark.parametrize("target", TARGETS)
def test_a_graph_without_inputs(target: str) -> None:
    graph = fixed_graph("%c: i8[3] = constant [-5, 100, 9]\n%y: i9[3] = add(%c, %c)")
    assert_device_agrees(graph, target, [{}, {}])


def test_a_program_that_is_not_built_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail(*arguments: Any, **options: Any) -> Artifact:
        raise KeyboardInterrupt

    monkeypatch.setattr(device_module, "write_artifact", fail)
    with pytest.raises(KeyboardInterrupt):
        Device(fixed_graph(PAIR), "cortex-m4")
    assert list(tmp_path.iterdir()) == []


def test_every_tensor_has_guards() -> None:
    made = buffer([1, 64, 0, 130])
    ends = [0, *(place + size for place, size in zip(made.places, made.sizes, strict=True))]
    gaps = [start - end for start, end in zip([*made.places, made.size], ends, strict=True)]
    assert min(gaps) >= GUARD
    assert all(place % 64 == 0 for place in made.places)
