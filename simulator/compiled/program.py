# SPDX-License-Identifier: Apache-2.0
"""A fixed graph compiled, to be run many times."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.errors import UnsupportedModel
from intaglio.simulator import vectorized
from intaglio.simulator.compiled.arenas import Arenas
from intaglio.simulator.compiled.loading import Loaded, address, load
from intaglio.simulator.compiled.partition import Partition, partition
from intaglio.simulator.compiled.support import unsupported
from intaglio.simulator.engine import Observer, check_inputs, fixed_op


class Program:
    """The machine code of a graph; it may serve several threads at once."""

    def __init__(self, graph: Graph) -> None:
        """Compile the graph, or find it compiled.

        Raises:
            InvalidGraph: the graph isn't at the fixed level.
            UnsupportedModel: ``unsupported`` names a node.
        """
        for node in graph.nodes:
            fixed_op(graph, node)
        problems = unsupported(graph)
        if problems:
            raise UnsupportedModel(graph.name, problems, "Simulate with the vectorized engine")
        self._graph = graph
        self._constants = {constant.name: constant.array for constant in graph.constants}
        self._outputs = _Compiled(graph, every_value=False)
        self._trace: _Compiled | None = None
        self._tracing = threading.Lock()

    def run(
        self, inputs: Mapping[str, Array], observer: Observer | None = None
    ) -> dict[str, Array]:
        """The outputs by name; an observer is shown each input, then the value of each node.

        With an observer another build runs, in which every tensor is kept.

        Raises:
            InvalidData: the inputs don't fit the graph, a NaN is quantized, or a float result isn't
                finite.
        """
        values = check_inputs(self._graph, inputs)
        if any(_has_nan(array) for array in values.values()):
            # Whether one is quantized, and where, is a question for the slower engine.
            return vectorized.run(self._graph, inputs, observer)
        if observer is None:
            found = {**self._constants, **values, **self._outputs.run(values)}
            return {name: found[name] for name in self._graph.outputs}
        with self._tracing:
            if self._trace is None:
                self._trace = _Compiled(self._graph, every_value=True)
        found = {**self._constants, **values, **self._trace.run(values)}
        for name in (*values, *(node.name for node in self._graph.nodes)):
            observer(name, found[name])
        return {name: found[name] for name in self._graph.outputs}


def _has_nan(array: Array) -> bool:
    return array.dtype == np.float32 and bool(np.isnan(array.astype(np.float32)).any())


class _Compiled:
    """One build of a graph: its outputs' values, or every value."""

    def __init__(self, graph: Graph, every_value: bool) -> None:
        parts: Partition = partition(graph, every_value)
        self._every_value = every_value
        self._core = parts.core
        self._loaded: Loaded | None = None if parts.core is None else load(_unnamed(parts.core))
        self._tail = None if parts.tail is None else vectorized.Program(parts.tail)
        self._tail_inputs = () if parts.tail is None else parts.tail.inputs
        self._arenas = Arenas(0 if self._loaded is None else self._loaded.arena)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values by name."""
        found = self._run_core(inputs)
        if self._tail is None:
            return found
        known = {**inputs, **found}
        given = {value.name: known[value.name] for value in self._tail_inputs}
        seen: dict[str, Array] = {}
        outputs = self._tail.run(given, seen.__setitem__ if self._every_value else None)
        return {**found, **seen, **outputs}

    def _run_core(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        if self._core is None or self._loaded is None:
            return {}
        given = [np.ascontiguousarray(inputs[value.name]) for value in self._core.inputs]
        found = {name: _empty(self._core.type_of(name)) for name in self._core.outputs}
        with self._arenas.lent() as arena:
            self._loaded.call(
                [address(array) for array in given],
                [address(array) for array in found.values()],
                address(arena),
            )
        return found


def _empty(type: TensorType) -> Array:
    dtype = np.dtype(np.float32) if isinstance(type.element, FloatType) else type.element.dtype
    return np.empty(type.shape, dtype=dtype)


def _unnamed(graph: Graph) -> Graph:
    """The graph without what doesn't change its code."""
    return replace(graph, name="core", profile="")
