# SPDX-License-Identifier: Apache-2.0
"""A network in a program for another processor, run under QEMU."""

import struct
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.errors import EmulationFailed
from intaglio.simulator.emulated.boards import BOARDS, find_tool
from intaglio.simulator.emulated.harness import (
    BARE,
    EXIT_CODES,
    LINUX,
    linker_script,
    program,
)

_NAME = "network"
_COUNTER = Path(__file__).with_name("counting.c")


@dataclass(frozen=True, slots=True)
class Instructions:
    """What one inference executes.

    Attributes:
        total: instructions from the call to the return, with what it calls in the C library.
        by_function: those within each function of the object, by symbol.
    """

    total: int
    by_function: Mapping[str, int]


class Device(AbstractContextManager["Device"]):
    """A program for one network; a folder holds it until the ``with`` block ends."""

    def __init__(self, graph: Graph, target: str) -> None:
        """Compile and link.

        Args:
            graph: at the fixed level.
            target: of ``ARM_MACHINES``.

        Raises:
            EmulationFailed: the program doesn't link.
            InvalidOption: there is no such target.
            MissingTool: a compiler isn't installed.
            UnsupportedModel: the graph has an op that isn't compiled.
        """
        self._graph, self._target = graph, target
        machine = arm_machine(target)
        self._board = BOARDS[target]
        self._held = TemporaryDirectory()
        self.folder = Path(self._held.name)
        written = write_artifact(graph, _NAME, self.folder, machine, Borders.FLOAT)
        sizes = [self._sizes(names) for names in (self._inputs(), graph.outputs)]
        (self.folder / "harness.c").write_text(program(_NAME, *sizes))
        memories = self._board.memories
        (self.folder / "system.c").write_text(LINUX if memories is None else BARE)
        sources = ["harness.c", "system.c", written.object.name]
        if memories is not None:
            (self.folder / "board.ld").write_text(linker_script(memories))
            sources += ["-nostartfiles", "-T", "board.ld"]
        compiler = self._board.tool("gcc")
        self._call([compiler, *self._board.flags, "-O2", *sources, "-o", "program"], "building")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder."""
        self._held.cleanup()

    def _inputs(self) -> tuple[str, ...]:
        return tuple(value.name for value in self._graph.inputs)

    def _sizes(self, names: Sequence[str]) -> list[int]:
        types = [self._graph.type_of(name) for name in names]
        return [type.size * np.dtype(dtype_of(type)).itemsize for type in types]

    def run(self, samples: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """The outputs of each sample, by name.

        Raises:
            EmulationFailed: the program ended with an error, or wrote beside its memory.
        """
        self._execute(samples, 1)
        content = (self.folder / "outputs.bin").read_bytes()
        found: list[dict[str, Array]] = []
        offset = 0
        for _ in samples:
            outputs: dict[str, Array] = {}
            for name in self._graph.outputs:
                type = self._graph.type_of(name)
                outputs[name] = np.frombuffer(content, dtype_of(type), type.size, offset).reshape(
                    type.shape
                )
                offset += outputs[name].nbytes
            found.append(outputs)
        return found

    def count(self, sample: Mapping[str, Array]) -> Instructions:
        """Instructions of one inference: those of two less those of one.

        Raises:
            EmulationFailed: the program ended with an error.
            MissingTool: no C compiler for this machine, for the plugin that counts.
        """
        symbols = self._functions()
        ranges = "".join(f"{low:x} {high:x}\n" for low, high in symbols.values())
        (self.folder / "ranges.txt").write_text(ranges)
        command = [find_tool("gcc"), "-shared", "-fPIC", "-O2", str(_COUNTER), "-o", "counting.so"]
        self._call(command, "building the plugin that counts")
        plugin = f"{self.folder / 'counting.so'},ranges={self.folder / 'ranges.txt'},to="
        counts: list[list[int]] = []
        for repeats in (1, 2):
            to = self.folder / f"counts{repeats}.txt"
            self._execute([sample], repeats, ("-plugin", f"{plugin}{to}"))
            counts.append([int(line) for line in to.read_text().split()])
        total, *each = (two - one for one, two in zip(*counts, strict=True))
        return Instructions(total, dict(zip(symbols, each, strict=True)))

    def _functions(self) -> dict[str, tuple[int, int]]:
        """First and last address of each function of the object, in the program."""
        names = self._board.tool("nm")
        own = {line.split()[-1] for line in self._call([names, f"{_NAME}.o"], "nm").splitlines()}
        found: dict[str, tuple[int, int]] = {}
        for line in self._call([names, "-S", "program"], "nm").splitlines():
            match line.split():
                case [address, size, "t" | "T" | "W", name] if name in own:
                    low = int(address, 16) & ~1
                    found[name] = low, low + int(size, 16)
                case _:
                    pass
        return found

    def _execute(
        self, samples: Sequence[Mapping[str, Array]], repeats: int, options: Sequence[str] = ()
    ) -> None:
        arrays = [np.ascontiguousarray(s[name]) for s in samples for name in self._inputs()]
        header = struct.pack("<ii", len(samples), repeats)
        content = b"".join([header, *(array.tobytes() for array in arrays)])
        (self.folder / "inputs.bin").write_bytes(content)
        emulator, *arguments = self._board.emulator
        command = [find_tool(emulator), *options, *arguments, str(self.folder / "program")]
        self._call(command, "running")

    def _call(self, command: Sequence[str], doing: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()[-3:]
            reason = EXIT_CODES.get(done.returncode, f"exit code {done.returncode}")
            found = "; ".join([f"{doing} failed", reason, *said])
            raise EmulationFailed(self._target, found, "please report it with the model")
        return done.stdout
