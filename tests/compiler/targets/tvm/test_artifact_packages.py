# SPDX-License-Identifier: Apache-2.0
"""Libraries and CMake files: programs built with them, native and for AArch64, give our bits."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.archive import Member, archive
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import Instructions, Machine, host
from intaglio.compiler.targets.tvm.package import Package, write_package
from intaglio.errors import InvalidOption
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import find_tool
from tests.compiler.targets.tvm.test_artifact import BORDERS
from tests.simulator.text_cases import fixed_graph

NAME = "a_network_of_a_long_name"
CODES = [0, 200, 3, 255]


def needs(*tools: str) -> pytest.MarkDecorator:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def packaged(folder: Path, machine: Machine, threads: int = 1) -> Package:
    np.array(CODES, np.uint8).tofile(folder / "input.bin")
    graph = fixed_graph(BORDERS)
    written = write_artifact(graph, NAME, folder / "net", machine, threads=threads)
    return write_package(written, NAME, machine, threads)


def expected() -> list[str]:
    graph: Graph = interface(fixed_graph(BORDERS), Borders.CODES).graph
    (given,) = graph.inputs
    sample = np.array(CODES, np.uint8).reshape(given.type.shape)
    (found,) = vectorized.run(graph, {given.name: sample}).values()
    return [str(code) for code in found.ravel()]


def output(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_archive_is_what_ar_reads(tmp_path: Path) -> None:
    ar = shutil.which("ar")
    if ar is None:
        pytest.skip("needs ar")
    members = [
        Member("odd.o", b"abc", ["first", "second"]),
        Member("a_name_of_16_by.o", b"", []),
        Member("a_name_of_17_byt.o", b"defg", ["third"]),
    ]
    (tmp_path / "lib.a").write_bytes(archive(members))
    assert output([ar, "t", "lib.a"], tmp_path).split() == [member.name for member in members]
    for member in members:
        found = subprocess.run(
            [ar, "p", "lib.a", member.name], cwd=tmp_path, check=True, capture_output=True
        )
        assert found.stdout == member.content


PROJECT = """
cmake_minimum_required(VERSION 3.13)
project(user C)
add_subdirectory(net)
add_executable(program net/main.c)
target_link_libraries(program PRIVATE {libraries})
"""

AARCH64 = [
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    "-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc",
]


def built(folder: Path, *libraries: str, options: Sequence[str] = ()) -> Path:
    (folder / "CMakeLists.txt").write_text(PROJECT.format(libraries=" ".join(libraries)))
    cmake = found_cmake()
    output([cmake, "-S", ".", "-B", "build", *options], folder)
    output([cmake, "--build", "build"], folder)
    return folder / "build" / "program"


def found_cmake() -> str:
    found = shutil.which("cmake")
    assert found is not None
    return found


@needs("cmake", "cc")
@pytest.mark.parametrize("kind", [NAME, "shared"])
def test_cmake_builds_a_native_program(kind: str, tmp_path: Path) -> None:
    package = packaged(tmp_path, host(Instructions.PORTABLE))
    assert package.shared is not None
    program = built(tmp_path, f"{NAME}::{kind}")
    assert output([program, "input.bin"], tmp_path).split() == expected()
    libraries = output(["ldd", program], tmp_path)
    assert (f"lib{NAME}.so" in libraries) == (kind == "shared")


@needs("cmake", "cc")
def test_cmake_builds_threads_and_the_shared_library_that_is_missing(tmp_path: Path) -> None:
    package = packaged(tmp_path, host(Instructions.PORTABLE), threads=2)
    assert package.shared is not None
    package.shared.unlink()
    program = built(tmp_path, f"{NAME}::shared", f"{NAME}::threads")
    assert output([program, "input.bin"], tmp_path).split() == expected()
    assert list((tmp_path / "build" / "net").glob("lib*.so"))


@needs("cmake", "cc")
def test_the_folder_alone_builds_the_example(tmp_path: Path) -> None:
    packaged(tmp_path, host(Instructions.PORTABLE))
    cmake = found_cmake()
    output([cmake, "-S", "net", "-B", "build"], tmp_path)
    output([cmake, "--build", "build"], tmp_path)
    example = tmp_path / "build" / f"{NAME}_example"
    assert output([example, "input.bin"], tmp_path).split() == expected()


@needs("cmake", "cc")
def test_cmake_refuses_another_processor(tmp_path: Path) -> None:
    packaged(tmp_path, arm_machine("aarch64"))
    command = [found_cmake(), "-S", "net", "-B", "build"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode
    assert f"{NAME} is compiled for aarch64" in done.stderr


@pytest.mark.emulated
@needs("cmake")
@pytest.mark.parametrize("kind", [NAME, "shared"])
def test_cmake_builds_for_aarch64(kind: str, tmp_path: Path) -> None:
    packaged(tmp_path, arm_machine("aarch64+dotprod"))
    find_tool("aarch64-linux-gnu-gcc")
    program = built(tmp_path, f"{NAME}::{kind}", options=AARCH64)
    command: list[str | Path] = [
        find_tool("qemu-aarch64"),
        "-L",
        "/usr/aarch64-linux-gnu",
        program,
        "input.bin",
    ]
    assert output(command, tmp_path).split() == expected()


VARIANTS = {"cortex-a53": "neon", "neoverse-n1": "dotprod", "max,sve=off": "i8mm"}


@pytest.mark.emulated
@pytest.mark.parametrize("threads", [1, 2])
def test_a_fat_library_runs_the_best_that_the_processor_has(threads: int, tmp_path: Path) -> None:
    package = packaged(tmp_path, arm_machine("aarch64+fat"), threads)
    sources = ["net/main.c", *([f"net/{NAME}_threads.c"] if threads > 1 else [])]
    output([find_tool("aarch64-linux-gnu-gcc"), "-static", *sources, package.library], tmp_path)
    for cpu, variant in VARIANTS.items():
        log = tmp_path / f"{variant}.log"
        emulator = [find_tool("qemu-aarch64"), "-cpu", cpu, "-d", "in_asm", "-D", str(log)]
        assert output([*emulator, "./a.out", "input.bin"], tmp_path).split() == expected()
        entry = "run" if threads == 1 else "run_parallel"
        ran = {
            each for each in VARIANTS.values() if f"IN: {NAME}_{each}_{entry}" in log.read_text()
        }
        assert ran == {variant}


def test_the_shared_library_that_needs_a_linker_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = packaged(tmp_path, arm_machine("aarch64"))
    assert package.shared is None
    assert package.advice.startswith(f"lib{NAME}.so needs a linker for aarch64-linux-gnu: aarch64")
    assert not list((tmp_path / "net").glob("*.so"))


def test_bare_machines_have_a_static_library_alone(tmp_path: Path) -> None:
    package = packaged(tmp_path, arm_machine("cortex-m4"))
    assert [file.name for file in package.files] == [f"lib{NAME}.a", "CMakeLists.txt"]
    assert package.advice == ""
    assert "add_executable" not in package.lists.read_text()


CORTEX_M4 = [
    "-DCMAKE_SYSTEM_NAME=Generic",
    "-DCMAKE_SYSTEM_PROCESSOR=arm",
    "-DCMAKE_C_COMPILER=arm-none-eabi-gcc",
    "-DCMAKE_C_FLAGS=-mcpu=cortex-m4 -mthumb -nostdlib -Wl,-emain",
    "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
]


@pytest.mark.emulated
@needs("cmake")
def test_cmake_builds_for_cortex_m(tmp_path: Path) -> None:
    packaged(tmp_path, arm_machine("cortex-m4"))
    find_tool("arm-none-eabi-gcc")
    program = built(tmp_path, f"{NAME}::{NAME}", options=CORTEX_M4)
    names = output([find_tool("arm-none-eabi-nm"), program], tmp_path)
    assert f"T {NAME}_run\n" in names
    assert " U " not in names


def test_one_processors_steps_are_traced(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="several processors"):
        write_artifact(
            fixed_graph(BORDERS), "net", tmp_path, arm_machine("aarch64+fat"), layer_callback=True
        )
