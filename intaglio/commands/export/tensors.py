# SPDX-License-Identifier: Apache-2.0
"""Everything that an implementation of a fixed graph needs to hold, and golden tensors of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.export.columns import FLOAT32, Columns, Element, Words
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.text.kinds import kind_name
from intaglio.compiler.ir.types import FloatType, TensorType

FORMAT = "intaglio-integers-1"


@dataclass(frozen=True, slots=True)
class ExportedTensor:
    """One array to write.

    Attributes:
        name: ``constants/VALUE``, ``nodes/VALUE/FIELD`` or ``golden/VALUE``.
        element: its true type.
        array: the elements; Python ints beyond 64 bits.
    """

    name: str
    element: Element
    array: NDArray[Any]


@dataclass(frozen=True, slots=True)
class ExportedNode:
    """A node: its arrays, and the words that say how they are used."""

    node: Node
    words: Words
    tensors: tuple[ExportedTensor, ...]

    @property
    def kind(self) -> str:
        """The op's name in the text form."""
        return kind_name(type(self.node.op))


@dataclass(frozen=True, slots=True)
class ExportedGraph:
    """What an export holds.  Golden tensors are ``[runs, …]``, a run taking one batch."""

    graph: Graph
    constants: tuple[ExportedTensor, ...]
    nodes: tuple[ExportedNode, ...]
    golden: tuple[ExportedTensor, ...]

    def tensors(self) -> Iterator[ExportedTensor]:
        """All arrays, constants first, golden tensors last."""
        yield from self.constants
        for node in self.nodes:
            yield from node.tensors
        yield from self.golden

    def index(self) -> dict[str, Any]:
        """The whole as JSON would have it, the arrays by name, type and shape."""
        graph = self.graph
        sources = graph.output_sources or graph.outputs
        return {
            "format": FORMAT,
            "graph": graph.name,
            "profile": graph.profile,
            "inputs": [
                {"value": given.name, "source": given.source, **_type(given.type)}
                for given in graph.inputs
            ],
            "outputs": [
                {"value": name, "source": source, **_type(graph.type_of(name))}
                for name, source in zip(graph.outputs, sources, strict=True)
            ],
            "nodes": [
                {
                    "value": each.node.name,
                    "source": each.node.source,
                    "op": each.kind,
                    "operands": list(each.node.operands),
                    **_type(each.node.type),
                    "words": dict(each.words),
                    "arrays": [tensor.name for tensor in each.tensors],
                }
                for each in self.nodes
            ],
            "arrays": [
                {"name": each.name, "type": str(each.element), "shape": list(each.array.shape)}
                for each in self.tensors()
            ],
        }


def collect(graph: Graph, golden: Sequence[dict[str, Array]] = ()) -> ExportedGraph:
    """The arrays of a fixed graph.

    Args:
        graph: a fixed graph.
        golden: the inputs and every node's value of each run.
    """
    constants = tuple(
        ExportedTensor(f"constants/{each.name}", _element(each.type), each.array)
        for each in graph.constants
    )
    return ExportedGraph(
        graph,
        constants,
        tuple(_node(node) for node in graph.nodes),
        tuple(
            ExportedTensor(
                f"golden/{name}",
                _element(graph.type_of(name)),
                np.stack([run[name] for run in golden]),
            )
            for name in (golden[0] if golden else ())
        ),
    )


def _node(node: Node) -> ExportedNode:
    columns = Columns.of(node.op)
    tensors = tuple(
        ExportedTensor(f"nodes/{node.name}/{each.path}", each.element, each.array)
        for each in columns.arrays
    )
    return ExportedNode(node, columns.words, tensors)


def _element(type: TensorType) -> Element:
    return FLOAT32 if isinstance(type.element, FloatType) else Element.of(type.element)


def _type(type: TensorType) -> dict[str, Any]:
    return {"type": str(type.element), "shape": list(type.shape)}
