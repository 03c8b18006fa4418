# SPDX-License-Identifier: Apache-2.0
"""Run a graph by one engine, or by two that must agree on every bit of every tensor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.simulator import compiled, reference, vectorized
from intaglio.simulator.engine import Observer
from intaglio.simulator.statistics import Statistics


class EngineName(Enum):
    """The engines by the names that users give."""

    COMPILED = "compiled"
    VECTORIZED = "vectorized"
    REFERENCE = "reference"


def fastest_engine(graph: Graph) -> EngineName:
    """The compiled engine if it can run the graph, else the vectorized one."""
    return EngineName.VECTORIZED if compiled.unsupported(graph) else EngineName.COMPILED


Run = Callable[[Mapping[str, Array], Observer | None], dict[str, Array]]


def prepare(graph: Graph, engine: EngineName) -> Run:
    """What runs ``graph``: ``run(inputs, observer) -> outputs``; several threads may share it.

    Raises:
        InvalidGraph: the graph isn't at the fixed level.
        UnsupportedModel: the compiled engine can't run it.
    """
    match engine:
        case EngineName.COMPILED:
            return compiled.Program(graph).run
        case EngineName.VECTORIZED:
            return vectorized.Program(graph).run
        case EngineName.REFERENCE:
            return lambda inputs, observer: reference.run(graph, inputs, observer)
        case _:
            assert_never(engine)


@dataclass(frozen=True, slots=True)
class Difference:
    """One element on which two engines differ.

    Attributes:
        tensor: the value's name in the graph.
        index: where in the tensor.
        found: what the engine computed (of a float, the shortest decimal).
        expected: what the engine that it is held against computed.
        run: which run of the graph, from 0.
    """

    tensor: str
    index: tuple[int, ...]
    found: str
    expected: str
    run: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much was compared, how much differs, and the first difference in graph order."""

    tensors: int = 0
    values: int = 0
    differing: int = 0
    first: Difference | None = None

    def __add__(self, later: "Comparison") -> "Comparison":
        """Both together; the first difference is this one's if it has any."""
        return Comparison(
            max(self.tensors, later.tensors),
            self.values + later.values,
            self.differing + later.differing,
            self.first or later.first,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: the outputs by the graph's names, and what else was asked for.

    Attributes:
        outputs: by the graph's names.
        comparison: of two engines, where there were two.
        statistics: what sums and clamps did, where that was counted.
    """

    outputs: dict[str, Array]
    comparison: Comparison | None
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class Runner:
    """A graph made ready: one engine, and perhaps another that it is held against."""

    engine: Run
    against: Run | None

    @staticmethod
    def of(graph: Graph, engine: EngineName, against: EngineName | None) -> "Runner":
        """Prepare the engines."""
        return Runner(prepare(graph, engine), None if against is None else prepare(graph, against))

    def __call__(self, inputs: Mapping[str, Array], run: int) -> Outcome:
        """Run once; the outputs are those of an unobserved run, which may take other paths."""
        outputs = self.engine(inputs, None)
        if self.against is None:
            return Outcome(outputs, None)
        expected = _trace(self.against, inputs)
        found = _trace(self.engine, inputs)
        comparison = compare(found, expected)
        if comparison.first is None:
            returned = {name: expected.get(name, array) for name, array in outputs.items()}
            comparison += replace(compare(outputs, returned), values=0)
        if comparison.first is not None:
            comparison = replace(comparison, first=replace(comparison.first, run=run))
        return Outcome(outputs, comparison)


def compare(found: Mapping[str, Array], expected: Mapping[str, Array]) -> Comparison:
    """Hold every tensor against the one of the same name: type, shape and bits.

    Floats are compared by their bits, so that the sign of a zero counts.
    """
    total = Comparison()
    for name, wanted in expected.items():
        total += _compare_tensor(name, found.get(name), wanted)
    for name in found.keys() - expected.keys():
        total += Comparison(1, 0, 1, Difference(name, (), "a tensor", "nothing"))
    return replace(total, tensors=len(expected))


def _compare_tensor(name: str, found: Array | None, expected: Array) -> Comparison:
    if found is None or (found.dtype, found.shape) != (expected.dtype, expected.shape):
        shown = "nothing" if found is None else f"{found.dtype}{list(found.shape)}"
        wanted = f"{expected.dtype}{list(expected.shape)}"
        return Comparison(1, expected.size, expected.size, Difference(name, (), shown, wanted))
    differs = np.argwhere(_bits(found) != _bits(expected))
    first = None
    if len(differs):
        index = tuple(int(at) for at in differs[0])
        first = Difference(name, index, str(found[index]), str(expected[index]))
    return Comparison(1, expected.size, len(differs), first)


def _bits(array: Array) -> Array:
    return array.view(np.uint32) if array.dtype == np.float32 else array


def _trace(run: Run, inputs: Mapping[str, Array]) -> dict[str, Array]:
    tensors: dict[str, Array] = {}
    run(inputs, tensors.__setitem__)
    return tensors
