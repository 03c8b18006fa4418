# SPDX-License-Identifier: Apache-2.0
"""``NAME_run_traced`` shows each step's result, and costs nothing where it isn't asked for."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.errors import InvalidOption
from intaglio.simulator import vectorized
from tests.compiler.targets.tvm.elf import symbols
from tests.compiler.targets.tvm.test_artifact import BORDERS, every_op
from tests.simulator.emulated.devices import random_samples
from tests.simulator.text_cases import fixed_graph

needs_c = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler named cc")

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32)


def names_of_layers(header: str) -> list[str]:
    (line,) = [line for line in header.splitlines() if "_LAYER_NAMES" in line]
    return line[line.index("{") + 1 : -1].replace('"', "").split(", ")


def addresses(arrays: list[Array]) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def traced(graph: Graph, sample: dict[str, Array], folder: Path) -> list[tuple[int, bytes]]:
    """What the callback sees, in order; the outputs are compared on the way."""
    written = write_artifact(graph, "net", folder, host(), Borders.FLOAT, layer_callback=True)
    command = ["cc", "-shared", "net.o", "-o", "net.so"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "net.so"))
    inputs = [np.ascontiguousarray(sample[value.name]) for value in graph.inputs]
    types = [graph.type_of(name) for name in graph.outputs]
    outputs = [np.zeros(type.shape, dtype_of(type)) for type in types]
    text = written.header.read_text()
    size = int(text.split("NET_ARENA_SIZE ")[1].split()[0])
    arena = np.zeros(size + 64, np.uint8)
    place = ctypes.c_void_p(arena.ctypes.data + -arena.ctypes.data % 64)
    seen: list[tuple[int, bytes]] = []

    def see(context: int, layer: int, result: int, size: int) -> None:
        assert context == 77
        seen.append((layer, ctypes.string_at(result, size)))

    given = addresses(inputs), addresses(outputs), place
    assert library.net_run_traced(*given, CALLBACK(see), ctypes.c_void_p(77)) == 0
    expected = vectorized.run(graph, sample)
    for _ in range(2):
        for name, array in zip(graph.outputs, outputs, strict=True):
            assert array.tobytes() == expected[name].tobytes()
            array[...] = 0
        # Without a callback, and without the means for one.
        assert library.net_run_traced(*given, CALLBACK(), None) == 0
        assert library.net_run(*given) == 0
    return seen


@needs_c
def test_the_callback_sees_every_step(tmp_path: Path) -> None:
    graph = every_op()
    (sample,) = random_samples(graph, 1)
    seen = traced(graph, sample, tmp_path)
    names = names_of_layers((tmp_path / "net.h").read_text())
    values: dict[str, Array] = {}
    vectorized.run(graph, sample, values.__setitem__)
    assert len(names) >= 30
    assert [layer for layer, _ in seen] == list(range(len(names)))
    for name, (_, found) in zip(names, seen, strict=True):
        assert found == np.ascontiguousarray(values[name]).tobytes(), name


def test_an_object_has_the_function_where_it_is_asked_for(tmp_path: Path) -> None:
    machine = host(Instructions.PORTABLE)
    graph = fixed_graph(BORDERS)
    plain = write_artifact(graph, "net", tmp_path / "plain", machine)
    tracing = write_artifact(graph, "net", tmp_path / "traced", machine, layer_callback=True)
    assert symbols(plain.object).defined == {"net_run"}
    assert symbols(tracing.object).defined == {"net_run", "net_run_traced"}
    assert "trace" not in plain.header.read_text()
    assert names_of_layers(tracing.header.read_text()) == ["code"]
    assert "#define NET_LAYERS 1\n" in tracing.header.read_text()


def test_threads_are_not_traced(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="with 2 threads: steps are traced on one thread"):
        write_artifact(
            fixed_graph(BORDERS), "net", tmp_path, host(), threads=2, layer_callback=True
        )
