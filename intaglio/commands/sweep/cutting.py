# SPDX-License-Identifier: Apache-2.0
"""A graph cut where float32 inputs have become codes, so that data is quantized once for all runs.

Behind the cut the graph gives its outputs, and the codes that float outputs are dequantized from:
bits are counted on codes.
"""

from dataclasses import dataclass, replace

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Input, Node
from intaglio.compiler.ir.types import FloatType


@dataclass(frozen=True, slots=True)
class CutGraph:
    """Two graphs that together are one.

    Attributes:
        head: from the inputs to codes; its outputs are the core's inputs, in order.
        core: from codes to the outputs, and then to the codes of float outputs.
        outputs: what is compared with another graph's outputs, in order.
    """

    head: Graph
    core: Graph
    outputs: tuple["ComparedOutput", ...]


@dataclass(frozen=True, slots=True)
class ComparedOutput:
    """An output.

    Attributes:
        value: its name in the core.
        code: the name of the codes it is dequantized from; its own where it is made of integers;
            None of another float.
        meaning: element type of the codes, and what a code stands for; codes of one meaning can be
            compared.
        bits: of a code, or 32.
    """

    value: str
    code: str | None
    meaning: str
    bits: int


def cut(graph: Graph) -> CutGraph:
    """Cut a fixed graph behind the Quantize of each input that nothing else reads."""
    ends = [_quantizing(graph, given) for given in graph.inputs]
    in_head = {node.name for node in ends if node is not None}
    borders = tuple(
        given.name if node is None else node.name
        for given, node in zip(graph.inputs, ends, strict=True)
    )
    head = replace(
        graph,
        constants=(),
        nodes=tuple(node for node in graph.nodes if node.name in in_head),
        outputs=borders,
        output_sources=(),
        output_quantizations=(),
    )
    inputs = tuple(
        given if node is None else Input(node.name, node.type, given.source)
        for given, node in zip(graph.inputs, ends, strict=True)
    )
    outputs = tuple(_compared(graph, output) for output in graph.outputs)
    codes = (output.code for output in outputs if output.code is not None)
    core = replace(
        graph,
        inputs=inputs,
        nodes=tuple(node for node in graph.nodes if node.name not in in_head),
        outputs=tuple(dict.fromkeys((*graph.outputs, *codes))),
        output_sources=(),
        output_quantizations=(),
    )
    return CutGraph(head, core, outputs)


def _quantizing(graph: Graph, given: Input) -> Node | None:
    """The Quantize that alone reads an input."""
    users = graph.users.get(given.name, ())
    if given.name in graph.outputs or len(users) != 1:
        return None
    return users[0] if isinstance(users[0].op, fixed.Quantize) else None


def _compared(graph: Graph, output: str) -> ComparedOutput:
    element = graph.type_of(output).element
    if not isinstance(element, FloatType):
        return ComparedOutput(output, output, str(element), element.bits)
    node = graph.definitions[output]
    if isinstance(node, Node) and isinstance(node.op, fixed.Dequantize):
        code = node.operands[0]
        codes = graph.type_of(code).integer
        return ComparedOutput(output, code, f"{codes} {node.op}", codes.bits)
    return ComparedOutput(output, None, str(element), 32)
