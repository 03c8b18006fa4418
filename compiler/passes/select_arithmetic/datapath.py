# SPDX-License-Identifier: Apache-2.0
"""What of a layer the machine's datapath doesn't take."""

from collections.abc import Iterator

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.datapath import ANY_DATAPATH, Datapath, nearest_type


def datapath_problems(graph: Graph, node: Node, datapath: Datapath) -> tuple[str, ...]:
    """For each operand and result of a scaled node that the datapath doesn't take, a sentence.

    Args:
        graph: that the node stands in.
        node: at the scaled level.
        datapath: the machine's.
    """
    if datapath == ANY_DATAPATH:
        return ()
    return tuple(
        f"{node.source or node.name} ({type(node.op).__name__}): {problem}"
        for problem in _problems(graph, node, datapath)
    )


def _problems(graph: Graph, node: Node, datapath: Datapath) -> Iterator[str]:
    contracts = isinstance(
        node.op, scaled.Conv2d | scaled.ConvTranspose2d | scaled.FullyConnected | scaled.MatMul
    )
    # The third operand of a contraction is its bias, whose width is the rule's.
    for index, name in enumerate(node.operands[: 2 if contracts else None]):
        element = graph.type_of(name).element
        if not isinstance(element, IntType):
            continue
        constant = graph.constant(name)
        if contracts and index == 1 and constant is not None:
            yield from _outside("weights", datapath.weights, element)
            lowest = np.asarray(constant.array) == element.minimum
            if datapath.narrow_weights and element.signed and lowest.any():
                yield (
                    f"{int(lowest.sum())} of its weights are {element.minimum}, and "
                    f"datapath.narrow_weights is true; expected {element.minimum + 1} or more"
                )
        elif constant is None:
            yield from _outside("activations", datapath.activations, element)
    if isinstance(node.type.element, IntType):
        yield from _outside("results", datapath.results, node.type.element)


def _outside(field: str, types: tuple[IntType, ...], element: IntType) -> Iterator[str]:
    if types and element not in types:
        listed = ", ".join(str(type) for type in types)
        yield (
            f"its {field} are {element}, and datapath.{field} is {listed}; "
            f"expected {nearest_type(types, element)}"
        )
