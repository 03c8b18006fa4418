# SPDX-License-Identifier: Apache-2.0
"""Compiled networks whose tasks a test shares as it likes, called from Python."""

import ctypes
import json
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.simulator.compiled.loading import address, aligned, pointers

RunTasks = Callable[[int, int], None]
"""Of one step: from the first up to below the last."""

Share = Callable[[RunTasks, int], None]
"""Run all of so many tasks, by calls of the function."""

_TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32)
_PARALLEL_FOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, _TASK, ctypes.c_void_p, ctypes.c_int32)


class SharedNetwork:
    """An object of several threads, float32 in and out where the graph has it so."""

    def __init__(self, graph: Graph, folder: Path, machine: Machine) -> None:
        """Compile, link and load it."""
        artifact = write_artifact(graph, "net", folder, machine, Borders.FLOAT, threads=2)
        # A path of its own: a library that is loaded already would be found again by its path.
        code = folder / "net.so"
        subprocess.run(["ld", "-shared", "-o", code, artifact.object], check=True)
        self._library = ctypes.CDLL(str(code))
        self._graph = graph
        self._arena = aligned(json.loads(artifact.manifest.read_text())["arena"]["bytes"])

    def run(self, inputs: Mapping[str, Array], share: Share | None) -> dict[str, Array]:
        """The outputs by name; without ``share`` by the function for one thread."""
        given = [np.ascontiguousarray(inputs[value.name]) for value in self._graph.inputs]
        outputs = {name: self._empty(name) for name in dict.fromkeys(self._graph.outputs)}
        self._arena[:] = 0xA5
        arguments = (
            pointers([address(array) for array in given]),
            pointers([address(outputs[name]) for name in self._graph.outputs]),
            ctypes.c_void_p(address(self._arena)),
        )
        if share is None:
            assert self._library["net_run"](*arguments) == 0
            return outputs
        share_tasks = share

        def parallel_for(_: int, task: Callable[..., None], context: int, count: int) -> None:
            share_tasks(lambda first, last: task(context, first, last), count)

        called = self._library["net_run_parallel"](*arguments, _PARALLEL_FOR(parallel_for), None)
        assert called == 0
        return outputs

    def _empty(self, name: str) -> Array:
        type = self._graph.type_of(name)
        found = type.element
        dtype = getattr(found, "dtype", np.dtype(np.float32))
        return np.zeros(type.shape, dtype)


def whole(run: RunTasks, count: int) -> None:
    """All at once."""
    run(0, count)


def backwards(run: RunTasks, count: int) -> None:
    """One by one, the last first."""
    for task in reversed(range(count)):
        run(task, task + 1)


def parts(number: int) -> Share:
    """So many ranges, the odd ones first; some are empty where there are fewer tasks."""

    def share(run: RunTasks, count: int) -> None:
        bounds = [count * part // number for part in range(number + 1)]
        ranges = list(pairwise(bounds))
        for first, last in ranges[1::2] + ranges[::2]:
            run(first, last)

    return share
