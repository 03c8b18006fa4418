# SPDX-License-Identifier: Apache-2.0
"""Run one case through every engine and demand the same bits of every tensor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph, Input, Node
from intaglio.compiler.ir.types import FloatType
from intaglio.compiler.ir.verify import check
from intaglio.simulator import reference, vectorized
from intaglio.simulator.engine import Observer

Run = Callable[[Graph, Mapping[str, Array], Observer | None], dict[str, Array]]
Agree = Callable[[Graph, Mapping[str, Array]], dict[str, Array]]
"""How engines are compared: ``assert_engines_agree``, or a quicker way where elements allow it."""
ValueT = TypeVar("ValueT", Input, Node)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine under test, by name."""

    name: str
    run: Run


ENGINES: tuple[Engine, ...] = (
    Engine("reference", reference.run),
    Engine("vectorized", vectorized.run),
)
"""The first is the definition; the others must equal it."""


def trace(engine: Engine, graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor that the engine yields: the observed ones, which the outputs must equal."""
    observed: dict[str, Array] = {}

    def observe(name: str, array: Array) -> None:
        assert name not in observed, f"{engine.name} observed {name} twice"
        observed[name] = array.copy()

    outputs = engine.run(graph, inputs, observe)
    expected = [given.name for given in graph.inputs] + [node.name for node in graph.nodes]
    assert list(observed) == expected, f"{engine.name} observed {list(observed)}, not {expected}"
    assert list(outputs) == list(dict.fromkeys(graph.outputs))
    constants = {constant.name: constant.array for constant in graph.constants}
    for name, array in outputs.items():
        assert_same_tensor(engine.name, name, array, {**constants, **observed}[name])
    return observed


def assert_engines_agree(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every engine yields the same tensors, of the dtype and shape of their types; the tensors."""
    definition, *others = ENGINES
    expected = trace(definition, graph, inputs)
    for name, array in expected.items():
        type = graph.type_of(name)
        element = type.element
        dtype = np.dtype(np.float32) if isinstance(element, FloatType) else element.dtype
        assert (array.dtype, array.shape) == (dtype, type.shape), f"{definition.name}: {name}"
    for engine in others:
        for name, array in trace(engine, graph, inputs).items():
            assert_same_tensor(engine.name, name, array, expected[name])
    return expected


def assert_engines_agree_elementwise(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """As above where every op takes element by element; the tensors.

    The definition takes about 2,000 elements of many, which is quick, and the other engine all.
    """
    largest = max(array.size for array in inputs.values())
    # Odd, so that of all pairs of codes each code of either is among them.
    every = largest // 2000 | 1
    some = assert_engines_agree(
        _thinned(graph, every), {name: _thin(array, every) for name, array in inputs.items()}
    )
    engine = ENGINES[1]
    found = trace(engine, graph, inputs)
    for name, expected in some.items():
        assert_same_tensor(engine.name, name, _thin(found[name], every), expected)
    return found


def _thin(array: Array, every: int) -> Array:
    return array if array.size == 1 else array.reshape(-1)[::every]


def _thinned(graph: Graph, every: int) -> Graph:
    """The graph for as many elements as remain."""
    whole = {node.type.shape for node in graph.nodes}
    assert len(whole) == 1, f"tensors of several shapes: {sorted(whole)}"
    (shape,) = whole

    def thin(value: ValueT) -> ValueT:
        if prod(value.type.shape) == 1:
            return value
        assert value.type.shape == shape, f"{value.name} is {value.type.shape}, not {shape}"
        return replace(value, type=replace(value.type, shape=(-(-prod(shape) // every),)))

    result = replace(
        graph, inputs=tuple(map(thin, graph.inputs)), nodes=tuple(map(thin, graph.nodes))
    )
    check(result)
    return result


def assert_same_tensor(engine: str, name: str, found: Array, expected: Array) -> None:
    """Same dtype, shape and bits; else say where the first difference is."""
    signature = (found.dtype, found.shape)
    assert signature == (expected.dtype, expected.shape), (
        f"{engine}: %{name} is {signature}, expected {(expected.dtype, expected.shape)}"
    )
    differs = np.argwhere(_bits(found) != _bits(expected))
    if differs.size:
        index = tuple(int(at) for at in differs[0])
        raise AssertionError(
            f"{engine}: %{name}{list(index)} is {found[index]}, expected {expected[index]} "
            f"({len(differs)} of {found.size} elements differ)"
        )


def _bits(array: Array) -> Array:
    """Floats by their bits, so that a zero's sign counts and NaN equals itself."""
    return array.view(np.uint32) if array.dtype == np.float32 else array
