# SPDX-License-Identifier: Apache-2.0
"""What goes in and out of the C function: codes, with the scale that makes them real numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Input, Node
from intaglio.compiler.ir.types import FloatType, Quantization, TensorType
from intaglio.numerics.float32 import Float32


class Borders(Enum):
    """What the caller gives and takes where the graph quantizes an input or dequantizes an output.

    CODES: integers; the caller quantizes.  FLOAT: float32; the function does.
    """

    CODES = "codes"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of the function.

    Attributes:
        identifier: what C calls it.
        source: what the user's model calls it.
        type: element type and shape.
        scale: of its codes; None where the model states none.
        zero_point: of its codes; 0 without a scale.
    """

    identifier: str
    source: str
    type: TensorType
    scale: Float32 | None = None
    zero_point: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """A graph as it is compiled, and its ports in the order of the arguments."""

    graph: Graph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def interface(graph: Graph, borders: Borders) -> Interface:
    """The graph with the borders as wanted.

    A float32 input that more than one ``Quantize`` reads, or that is moved before, stays float32;
    so does an output that isn't a ``Dequantize``.
    """
    quantizes = dict(_quantized_inputs(graph)) if borders is Borders.CODES else {}
    dequantizes = dict(_dequantized_outputs(graph)) if borders is Borders.CODES else {}
    codes = {node.name for node in quantizes.values()}
    inputs = tuple(_coded(value, quantizes.get(value.name)) for value in graph.inputs)
    outputs = tuple(
        dequantizes[name].operands[0] if name in dequantizes else name for name in graph.outputs
    )
    nodes = tuple(node for node in graph.nodes if node.name not in codes)
    compiled = _without_dead(replace(graph, inputs=inputs, nodes=nodes, outputs=outputs))
    taken: set[str] = set()
    input_ports = tuple(
        _input_port(value, quantizes.get(given.name), given.source or given.name, taken)
        for given, value in zip(graph.inputs, inputs, strict=True)
    )
    sources = graph.output_sources or graph.outputs
    quantizations = graph.output_quantizations or [None] * len(graph.outputs)
    output_ports = tuple(
        _output_port(compiled, name, dequantizes.get(given), stated, source, taken)
        for given, name, stated, source in zip(
            graph.outputs, outputs, quantizations, sources, strict=True
        )
    )
    return Interface(compiled, input_ports, output_ports)


def _quantized_inputs(graph: Graph) -> Iterator[tuple[str, Node]]:
    for given in graph.inputs:
        users = graph.users.get(given.name, ())
        alone = len(users) == 1 and given.name not in graph.outputs
        if alone and isinstance(users[0].op, fixed.Quantize):
            yield given.name, users[0]


def _dequantized_outputs(graph: Graph) -> Iterator[tuple[str, Node]]:
    for name in graph.outputs:
        node = graph.definitions[name]
        if isinstance(node, Node) and isinstance(node.op, fixed.Dequantize):
            yield name, node


def _coded(given: Input, quantize: Node | None) -> Input:
    return given if quantize is None else Input(quantize.name, quantize.type, given.source)


def _without_dead(graph: Graph) -> Graph:
    """The graph without nodes and constants that no output needs."""
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.operands)
    return replace(
        graph,
        nodes=tuple(node for node in graph.nodes if node.name in needed),
        constants=tuple(each for each in graph.constants if each.name in needed),
    )


def _input_port(value: Input, quantize: Node | None, source: str, taken: set[str]) -> Port:
    identifier = _identifier(source, taken)
    if quantize is None or not isinstance(quantize.op, fixed.Quantize):
        return _stated(Port(identifier, source, value.type), value.type.quantization)
    return Port(identifier, source, value.type, quantize.op.scale, quantize.op.zero_point)


def _output_port(
    graph: Graph,
    name: str,
    dequantize: Node | None,
    stated: Quantization | None,
    source: str,
    taken: set[str],
) -> Port:
    identifier, type = _identifier(source, taken), graph.type_of(name)
    if dequantize is None or not isinstance(dequantize.op, fixed.Dequantize):
        return _stated(Port(identifier, source, type), stated)
    return Port(identifier, source, type, dequantize.op.scale, dequantize.op.zero_point)


def _stated(port: Port, quantization: Quantization | None) -> Port:
    """With the scale that the model states for its codes, where one serves the whole tensor."""
    if quantization is None or not quantization.per_tensor:
        return port
    return replace(port, scale=quantization.scale, zero_point=quantization.zero_point)


def _identifier(text: str, taken: set[str]) -> str:
    """A C identifier like ``text`` that isn't taken yet."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    plain = plain if plain[:1].isalpha() else f"v{plain}"
    number, found = 2, plain
    # Macros are in capitals.
    while found.upper() in taken:
        found, number = f"{plain}_{number}", number + 1
    taken.add(found.upper())
    return found


def c_type(type: TensorType) -> str:
    """The C type of an element."""
    return "float" if isinstance(type.element, FloatType) else f"{type.element.dtype}_t"
