# SPDX-License-Identifier: Apache-2.0
"""From a graph to a function that can be called: compile, link, load."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.machine import host
from intaglio.simulator.compiled.cache import Stored, key, stored

NAME = "network"
_LINKERS = ("ld", "ld.lld", "cc")

Entry = Callable[[int, int, int], object]
"""The function that the object exports, with its three pointers as addresses."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A compiled graph in memory.

    Attributes:
        entry: its function.
        arena: bytes that it works in.
    """

    entry: Entry
    arena: int

    def call(self, inputs: Sequence[int], outputs: Sequence[int], arena: int) -> None:
        """Run it on the addresses of the inputs, of the outputs, and of the arena."""
        self.bind(inputs, outputs, arena)()

    def bind(
        self, inputs: Sequence[int], outputs: Sequence[int], arena: int
    ) -> Callable[[], object]:
        """A call that is ready to be made, as often as one likes."""
        given, taken = pointers(inputs), pointers(outputs)
        places = ctypes.addressof(given), ctypes.addressof(taken), arena

        # The arrays of pointers live as long as what points to them.
        def run(entry: Entry = self.entry, held: object = (given, taken)) -> object:
            return entry(*places)

        return run


def load(graph: Graph) -> Loaded:
    """The compiled graph: from the cache, or compiled now."""
    machine = host()
    found = stored(key(graph, repr(machine)), lambda folder: _compile(graph, folder))
    if found.code.suffix == ".so":
        return Loaded(_shared(found.code), found.arena)
    return Loaded(_jit(found.code), found.arena)


def _compile(graph: Graph, folder: Path) -> Stored:
    # TVM takes longer to import than a cached object to load.
    from intaglio.compiler.targets.tvm import jit
    from intaglio.compiler.targets.tvm.network import compile_network

    linker = next((linker for linker in _LINKERS if shutil.which(linker)), None)
    network = compile_network(graph, NAME, host(), for_jit=linker is None)
    if linker is None:
        code = folder / f"{NAME}{jit.SUFFIX}"
        jit.write_bitcode(network.module, code)
        return Stored(code, network.plan.size)
    code, made = folder / f"{NAME}.so", folder / f"{NAME}.o"
    network.module.write_to_file(str(made))
    subprocess.run([linker, "-shared", "-o", str(code), str(made)], check=True)
    made.unlink()
    return Stored(code, network.plan.size)


def _shared(code: Path) -> Entry:
    function = ctypes.CDLL(str(code))[f"{NAME}_run"]
    function.argtypes = [ctypes.c_void_p] * 3
    function.restype = ctypes.c_int32
    return function


def _jit(code: Path) -> Entry:
    from intaglio.compiler.targets.tvm.jit import load_bitcode

    return load_bitcode(code, f"{NAME}_run")


def pointers(addresses: Sequence[int]) -> "ctypes.Array[ctypes.c_void_p]":
    """An array of pointers, as C takes it."""
    return (ctypes.c_void_p * max(len(addresses), 1))(*addresses)


def address(array: Array) -> int:
    """Where an array's elements start."""
    return int(array.ctypes.data)


def aligned(size: int) -> Array:
    """Uninitialised bytes that start at a cache line."""
    memory = np.empty(size + 64, dtype=np.uint8)
    start = -address(memory) % 64
    return memory[start : start + size]
