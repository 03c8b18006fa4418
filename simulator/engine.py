# SPDX-License-Identifier: Apache-2.0
"""What every engine shares: its interface, the check of its inputs, and the walk through a graph.

An engine is a module with

    run(graph, inputs, observer=None) -> {output name: array}

Arrays carry the smallest NumPy dtype of their value's type (float32 for floats).  A graph's shapes
are static, the batch included: callers loop over batches.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Input, Level, Node
from intaglio.compiler.ir.types import FloatType
from intaglio.errors import AccumulatorTrapped, InvalidData, InvalidGraph
from intaglio.numerics.accumulator import Trapped
from intaglio.numerics.integers import IntType

Observer = Callable[[str, Array], None]
"""Called with the name and the array of each input, then of each node, in graph order."""

Evaluate = Callable[[Node, fixed.Op, tuple[Array, ...]], Array]
"""One node's result from its operands: an engine's meaning of every fixed op."""


def execute(
    graph: Graph,
    inputs: Mapping[str, Array],
    observer: Observer | None,
    evaluate: Evaluate,
) -> dict[str, Array]:
    """Evaluate every node in order; a value is dropped after its last use.

    Raises:
        InvalidData: the inputs don't fit the graph.
        AccumulatorTrapped: a sum leaves an accumulator that traps.
        InvalidGraph: the graph isn't at the fixed level.
    """
    values = check_inputs(graph, inputs)
    if observer is not None:
        for name, array in values.items():
            observer(name, array)
    values |= {constant.name: constant.array for constant in graph.constants}
    uses = Counter(operand for node in graph.nodes for operand in node.operands)
    uses.update(graph.outputs)
    for node in graph.nodes:
        operands = tuple(values[operand] for operand in node.operands)
        with trapping(node):
            values[node.name] = evaluate(node, fixed_op(graph, node), operands)
        if observer is not None:
            observer(node.name, values[node.name])
        for operand in node.operands:
            uses[operand] -= 1
            if uses[operand] == 0:
                del values[operand]
    return {name: values[name] for name in graph.outputs}


@contextmanager
def trapping(node: Node) -> Generator[None, None, None]:
    """Name the node whose accumulator traps.

    Raises:
        AccumulatorTrapped: it did.
    """
    try:
        yield
    except Trapped as trapped:
        where = f"{node.name} ({node.source})" if node.source else node.name
        raise AccumulatorTrapped(where, str(trapped)) from None


def fixed_op(graph: Graph, node: Node) -> fixed.Op:
    """The op of a node of a fixed graph.

    Raises:
        InvalidGraph: the op is a scaled one.
    """
    if graph.level is Level.FIXED and isinstance(node.op, fixed.Op):
        return node.op
    raise InvalidGraph(
        graph.name,
        [
            f"{node.name}: {type(node.op).__name__} is an op of the scaled level, which states no "
            "arithmetic; select an arithmetic first"
        ],
    )


def check_inputs(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs in the graph's order, each in the dtype of its type.

    Raises:
        InvalidData: a name is missing or unknown; a shape differs; integers aren't of an integer
            dtype or lie outside the input's type; floats aren't float32.
    """
    expected = {given.name for given in graph.inputs}
    names = f"the inputs {sorted(expected)}"
    for name in sorted(expected - set(inputs)):
        raise InvalidData(f"graph {graph.name}", f"no input {name}", names, "give every input")
    for name in sorted(set(inputs) - expected):
        raise InvalidData(
            f"graph {graph.name}", f"an unknown input {name}", names, "leave it out or rename it"
        )
    return {given.name: _checked(given, inputs[given.name]) for given in graph.inputs}


def _checked(given: Input, array: Array) -> Array:
    source = f"input {given.name}"
    if array.shape != given.type.shape:
        raise InvalidData(
            source, f"shape {array.shape}", f"{given.type.shape}", "give one batch of that shape"
        )
    if isinstance(given.type.element, FloatType):
        if array.dtype != np.float32:
            raise InvalidData(source, f"{array.dtype}", "float32", "convert the array first")
        return array
    return _checked_integers(source, given.type.element, array)


def _checked_integers(source: str, element: IntType, array: Array) -> Array:
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidData(
            source, f"{array.dtype}", f"integers of {element}", "quantize the array first"
        )
    if array.size:
        for value in (int(array.min()), int(array.max())):
            if not element.contains(value):
                raise InvalidData(
                    source,
                    f"the value {value}",
                    f"{element.minimum}..{element.maximum} ({element})",
                    "give codes of the input's type",
                )
    return array.astype(element.dtype)


def refuse_nan(name: str, array: Array) -> None:
    """Refuse NaN before it is quantized into the value ``name``: no code stands for it.

    Raises:
        InvalidData: an element is NaN.
    """
    if np.isnan(array.astype(np.float32)).any():
        raise InvalidData(
            f"value {name}", "NaN where it is quantized", "numbers", "clean the input data"
        )
