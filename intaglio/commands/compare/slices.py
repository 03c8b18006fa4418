# SPDX-License-Identifier: Apache-2.0
"""Part of a scaled graph as a graph of its own."""

from collections.abc import Collection, Sequence

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Input, Level, Node
from intaglio.compiler.ir.types import FloatType


def slice_of(graph: Graph, results: Sequence[str], ends: Collection[str]) -> Graph:
    """What computes ``results`` from the integers among ``ends`` and from the graph's inputs.

    Reals are no ends: at the scaled level they stand at the border of a graph alone.

    Args:
        graph: a scaled graph.
        results: names of values.
        ends: names of values; those that are results are computed all the same.

    Returns:
        A graph whose inputs have the names and sources of the values that they stand for.
    """
    inputs, inside = dict[str, Input](), set[str]()
    waiting = list(results)
    while waiting:
        name = waiting.pop()
        definition = graph.definitions[name]
        match definition:
            case Input():
                inputs[name] = definition
            case Node() if name not in results and name in ends and not _is_real(definition):
                inputs[name] = Input(name, definition.type, definition.source)
            case _ if name not in inside:
                inside.add(name)
                waiting += definition.operands if isinstance(definition, Node) else ()
            case _:
                pass
    builder = Builder(results[0], Level.SCALED)
    for given in reversed(inputs.values()):
        builder.add(given)
    for name, definition in graph.definitions.items():
        if name in inside:
            builder.add(definition)
    return builder.finish(results, [graph.definitions[name].source for name in results])


def _is_real(node: Node) -> bool:
    return isinstance(node.type.element, FloatType)
