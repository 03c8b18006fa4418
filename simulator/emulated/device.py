# SPDX-License-Identifier: Apache-2.0
"""A network in a program for another processor, run under QEMU."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.errors import EmulationFailed
from intaglio.simulator.emulated import process
from intaglio.simulator.emulated.boards import board_of, find_tool
from intaglio.simulator.emulated.image import Image, read_image
from intaglio.simulator.emulated.layout import buffer, linker_script, memory_header
from intaglio.simulator.emulated.measurements import (
    Accesses,
    Instructions,
    functions_text,
    read_accesses,
    read_counts,
    regions_text,
)

_NAME = "network"
_SOURCES = Path(__file__).parent

Progress = Callable[[int, int], None]
"""Called with how many samples are done, and how many there are."""


def _silent(done: int, total: int) -> None:
    pass


class Device(AbstractContextManager["Device"]):
    """A program for one network; a folder holds it until the ``with`` block ends.

    Attributes:
        folder: holds the network's object, its header and the program.
        manifest: of the object.
    """

    def __init__(
        self,
        graph: Graph,
        target: str,
        patience: float = process.PATIENCE,
        *,
        traced: bool = False,
    ) -> None:
        """Compile and link.

        Args:
            graph: at the fixed level.
            target: of ``ARM_MACHINES``.
            patience: seconds that the emulated program may take for a sample.
            traced: whether it shows the result of each step to ``trace``.

        Raises:
            EmulationFailed: the program doesn't link, or doesn't fit on the board.
            InvalidOption: there is no such target.
            MissingTool: a compiler isn't installed.
            UnsupportedModel: the graph has an op that isn't compiled.
        """
        self._graph, self._target, self._patience = graph, target, patience
        self._traced = traced
        self._machine = arm_machine(target)
        self._board = board_of(target)
        # Missing tools are named before the work begins.
        self._compiler = self._board.tool("gcc")
        self._emulator = find_tool(self._board.emulator[0])
        self._held = TemporaryDirectory()
        self.folder = Path(self._held.name)
        try:
            written = write_artifact(
                graph, _NAME, self.folder, self._machine, Borders.FLOAT, layer_callback=traced
            )
            self.manifest: Mapping[str, Any] = json.loads(written.manifest.read_text())
            self._inputs = buffer(self._bytes(value.name) for value in graph.inputs)
            self._outputs = buffer(map(self._bytes, graph.outputs))
            self._arena = buffer([max(self.manifest["arena"]["bytes"], 1)])
            self._build()
        except BaseException:
            self._held.cleanup()
            raise

    def _build(self) -> None:
        header = memory_header(self._inputs, self._outputs, self._arena)
        (self.folder / "memory.h").write_text(header)
        memories = self._board.memories
        system = "linux.c" if memories is None else "bare.c"
        flags = [*self._board.flags, "-O2", "-I", ".", *(["-DTRACED"] if self._traced else [])]
        for source, made in (("program.c", "program.o"), (system, "system.o")):
            command = [self._compiler, *flags, "-c", str(_SOURCES / source), "-o", made]
            self._call(command, "compiling the program around the network")
        command = [self._compiler, *self._board.flags, "program.o", "system.o", f"{_NAME}.o"]
        command += ["-Wl,-Map=program.map", "-o", "program"]
        if memories is not None:
            (self.folder / "board.ld").write_text(linker_script(memories))
            command += ["-nostartfiles", "-T", "board.ld"]
        try:
            self._call(command, "linking")
        except EmulationFailed as error:
            if memories is None or "overflowed by" not in str(error):
                raise
            raise EmulationFailed(
                self._target, self._too_large(memories.large.size), "verify a smaller network"
            ) from error

    def _too_large(self, room: int) -> str:
        sizes = {
            "constants": self.manifest["constants"]["bytes"],
            "arena": self._arena.size,
            "inputs": self._inputs.size,
            "outputs": self._outputs.size,
        }
        found = ", ".join(f"{size:,} bytes of {name}" for name, size in sizes.items())
        return f"the program doesn't fit on the board: found {found}, expected {room:,} at most"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder."""
        self._held.cleanup()

    def _bytes(self, name: str) -> int:
        type = self._graph.type_of(name)
        return type.size * np.dtype(dtype_of(type)).itemsize

    def run(
        self, samples: Sequence[Mapping[str, Array]], progress: Progress = _silent
    ) -> list[dict[str, Array]]:
        """The outputs of each sample, by name.

        Raises:
            EmulationFailed: the program ended with an error, wrote beside its memory, or hung.
        """
        self._execute(samples, 1, progress=progress)
        return self._read("outputs.bin", self._graph.outputs, len(samples))

    def trace(
        self, samples: Sequence[Mapping[str, Array]], progress: Progress = _silent
    ) -> list[dict[str, Array]]:
        """The result of each step for each sample, by name; of a traced program alone.

        Raises:
            EmulationFailed: the program ended with an error, wrote beside its memory, or hung.
        """
        self._execute(samples, 1, progress=progress)
        names = [step["name"] for step in self.manifest["kernels"]]
        return self._read("tensors.bin", names, len(samples))

    def _read(self, file: str, names: Sequence[str], samples: int) -> list[dict[str, Array]]:
        content = (self.folder / file).read_bytes()
        expected = samples * sum(map(self._bytes, names))
        if len(content) != expected:
            found = f"running: found {len(content):,} bytes in {file}, expected {expected:,}"
            raise EmulationFailed(self._target, found, process.ADVICE)
        all_found: list[dict[str, Array]] = []
        offset = 0
        for _ in range(samples):
            tensors: dict[str, Array] = {}
            for name in names:
                type = self._graph.type_of(name)
                flat = np.frombuffer(content, dtype_of(type), type.size, offset)
                tensors[name] = flat.reshape(type.shape)
                offset += flat.nbytes
            all_found.append(tensors)
        return all_found

    def count(self, sample: Mapping[str, Array]) -> Instructions:
        """Instructions of one inference: those of two less those of one.

        Raises:
            EmulationFailed: the program ended with an error.
            MissingTool: no C compiler for this machine, for the plugin that counts.
        """
        image = self._image()
        (self.folder / "functions.txt").write_text(functions_text(image, _NAME))
        plugin = f"{self._plugin('counting')},functions=functions.txt,to="
        for repeats in (1, 2):
            self._execute([sample], repeats, ("-plugin", f"{plugin}counts{repeats}.txt"))
        texts = [(self.folder / f"counts{repeats}.txt").read_text() for repeats in (1, 2)]
        calls = [tuple(step["functions"]) for step in self.manifest["kernels"]]
        return read_counts(texts[0], texts[1], list(image.functions), calls)

    def accesses(self, sample: Mapping[str, Array]) -> Accesses:
        """What one inference reads and writes beside its memory, and how much stack it takes.

        Raises:
            EmulationFailed: the program ended with an error.
            MissingTool: no C compiler for this machine, for the plugin that watches.
        """
        image = self._image()
        buffers = {"given": self._inputs, "found": self._outputs, "arena": self._arena}
        (self.folder / "regions.txt").write_text(regions_text(image, buffers, _NAME))
        plugin = f"{self._plugin('accesses')},regions=regions.txt,to=accesses.txt"
        self._execute([sample], 1, ("-plugin", plugin))
        return read_accesses((self.folder / "accesses.txt").read_text(), image)

    def _plugin(self, name: str) -> str:
        """The path of a plugin, built where it isn't yet."""
        made = self.folder / f"{name}.so"
        if not made.exists():
            source = str(_SOURCES / f"{name}.c")
            command = [find_tool("gcc"), "-shared", "-fPIC", "-O2", source, "-o", str(made)]
            self._call(command, "building a plugin of QEMU")
        return str(made)

    def _image(self) -> Image:
        names = self._board.tool("nm")
        own = self._call([names, f"{_NAME}.o"], "reading symbols")
        linked = self._call([names, "-S", "program"], "reading symbols")
        link_map = (self.folder / "program.map").read_text(errors="replace")
        return read_image(own, linked, link_map, f"{_NAME}.o")

    def _execute(
        self,
        samples: Sequence[Mapping[str, Array]],
        repeats: int,
        options: Sequence[str] = (),
        progress: Progress = _silent,
    ) -> None:
        with (self.folder / "inputs.bin").open("wb") as file:
            file.write(struct.pack("<ii", len(samples), repeats))
            for sample in samples:
                for value in self._graph.inputs:
                    array = np.ascontiguousarray(sample[value.name], dtype_of(value.type))
                    file.write(array.tobytes())
        outputs, size = self.folder / "outputs.bin", sum(self._outputs.sizes)
        outputs.unlink(missing_ok=True)

        def watch() -> int:
            done = outputs.stat().st_size // size if outputs.exists() else 0
            progress(done, len(samples))
            return done

        command = [self._emulator, *options, *self._board.emulator[1:], "program"]
        self._call(command, "running", watch)
        progress(len(samples), len(samples))

    def _call(
        self, command: Sequence[str], doing: str, watch: Callable[[], int] = lambda: 0
    ) -> str:
        return process.run(command, self.folder, self._target, doing, watch, self._patience)
