# SPDX-License-Identifier: Apache-2.0
"""Call a routine on a processor under QEMU."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.library import tvm
from intaglio.compiler.targets.tvm.standalone import standalone
from intaglio.simulator import emulated
from intaglio.simulator.emulated.boards import BOARDS, find_tool
from intaglio.simulator.emulated.layout import linker_script

Arguments = Sequence[Sequence[int]]
"""Argument lists, each an int of any sign."""

_C = {32: "int32_t", 64: "int64_t"}

_PROGRAM = """
#include <stdint.h>
#include <string.h>
int open_file(const char *path, int writing);
int read_all(int file, void *to, uint32_t size);
int write_all(int file, const void *from, uint32_t size);
static int64_t given[3], found;
@DECLARED@
int main(void) {
    int from = open_file("inputs.bin", 0), to = open_file("outputs.bin", 1);
    int32_t count;
@CALLS@
    return 0;
}
"""

_CALL = """
    if (!read_all(from, &count, 4)) return 3;
    for (int32_t n = 0; n < count; n++) {
        if (!read_all(from, given, sizeof given)) return 4;
        found = @SYMBOL@(@GIVEN@);
        if (!write_all(to, &found, 8)) return 7;
    }
"""


def results(
    target: str,
    routines: Mapping[str, Callable[[str], str]],
    signatures: Mapping[str, tuple[int, ...]],
    arguments: Mapping[str, Arguments],
    folder: Path,
) -> dict[str, npt.NDArray[np.int64]]:
    """What each routine returns for each of its argument lists, as a signed word.

    Args:
        target: a processor without an operating system.
        routines: by symbol.
        signatures: by symbol, the bits of the arguments and, last, of the result.
        arguments: by symbol.
        folder: for files.
    """
    board = BOARDS[target]
    _object(target, routines, folder / "routines.o")
    declared, calls, inputs = "", "", b""
    for symbol, lists in arguments.items():
        *bits, result = signatures[symbol]
        types = ", ".join(_C[each] for each in bits)
        declared += f"{_C[result]} tested_{symbol}({types});\n"
        given = ", ".join(f"given[{number}]" for number in range(len(bits)))
        calls += _CALL.replace("@SYMBOL@", f"tested_{symbol}").replace("@GIVEN@", given)
        words = np.zeros((len(lists), 3), np.int64)
        for row, each in enumerate(lists):
            words[row, : len(each)] = [_signed(value, 64) for value in each]
        inputs += np.int32(len(lists)).tobytes() + words.tobytes()
    program = _PROGRAM.replace("@DECLARED@", declared).replace("@CALLS@", calls)
    (folder / "program.c").write_text(program)
    assert board.memories is not None
    (folder / "board.ld").write_text(linker_script(board.memories))
    (folder / "inputs.bin").write_bytes(inputs)
    system = Path(emulated.__file__).with_name("bare.c")
    sources = ["program.c", str(system), "routines.o", "-nostartfiles", "-T", "board.ld"]
    build = [board.tool("gcc"), *board.flags, "-O1", *sources, "-o", "program"]
    subprocess.run(build, cwd=folder, check=True)
    emulator, *options = board.emulator
    subprocess.run([find_tool(emulator), *options, "program"], cwd=folder, check=True)
    words = np.fromfile(folder / "outputs.bin", np.int64)
    ends = np.cumsum([len(lists) for lists in arguments.values()])
    return dict(zip(arguments, np.split(words, ends[:-1]), strict=True))


def _object(target: str, routines: Mapping[str, Callable[[str], str]], file: Path) -> None:
    """The routines as ``tested_`` and their symbols, with what they call of each other."""
    machine = arm_machine(target)
    described = json.dumps(machine.target).replace('"', r"\22")
    text = 'target datalayout = "e-m:e-p:32:32-Fi8-i64:64-v128:64:128-a:0:32-n32-S64"\n'
    text += f'target triple = "{machine.triple}"\n'
    text += "declare i32 @llvm.ctlz.i32(i32, i1 immarg)\n"
    for symbol, build in routines.items():
        text += build(f"tested_{symbol}").replace("define internal", "define")
    text += f'!llvm.module.flags = !{{!0}}\n!0 = !{{i32 2, !"tvm_target", !"{described}"}}\n'
    source = file.with_suffix(".ll")
    source.write_text(text)
    module = standalone(tvm.runtime.load_module(str(source)), machine, "routines")
    module.write_to_file(str(file))


def _signed(value: int, bits: int) -> int:
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
