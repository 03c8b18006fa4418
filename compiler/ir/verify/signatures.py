# SPDX-License-Identifier: Apache-2.0
"""Rules of how an op and its operands fit together, the same at both levels."""

from collections.abc import Iterator
from typing import get_args

from intaglio.compiler.ir import fixed, moves, scaled
from intaglio.compiler.ir.float_tail import FloatTail
from intaglio.compiler.ir.graph import AnyOp, Graph, Node
from intaglio.compiler.ir.infer import Mismatch, result_shape
from intaglio.compiler.ir.infer.mismatch import written
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.ir.verify.rules import Rule, violation

MOVES: tuple[type[object], ...] = get_args(moves.Move)
FLOAT_TAIL: tuple[type[object], ...] = get_args(FloatTail)


def floats_stay_at_the_border(graph: Graph) -> Iterator[str]:
    """What makes codes takes float32, dequantize gives it, the float tail does both, none else."""
    for node in graph.nodes:
        if isinstance(node.op, MOVES):
            continue
        takes, gives = _takes_and_gives_float(node.op)
        takes = takes or _reads_input(graph, node)
        for operand in dict.fromkeys(_but_float_bias(graph, node)):
            element = graph.type_of(operand).element
            if (element == FLOAT32) != takes:
                yield violation(node, f"the operand %{operand} of {element}", _kind(takes))
        if (node.type.element == FLOAT32) != gives:
            yield violation(node, f"a result of {node.type.element}", _kind(gives))


def _but_float_bias(graph: Graph, node: Node) -> tuple[str, ...]:
    """The operands of a node, but for a constant bias that a scaled contraction has in float32."""
    contraction = isinstance(
        node.op, scaled.Conv2d | scaled.ConvTranspose2d | scaled.FullyConnected
    )
    if not contraction or len(node.operands) < 3 or graph.constant(node.operands[2]) is None:
        return node.operands
    real = graph.type_of(node.operands[2]).element == FLOAT32
    return node.operands[:2] if real else node.operands


def _takes_and_gives_float(op: AnyOp) -> tuple[bool, bool]:
    if isinstance(op, scaled.Quantize | fixed.Quantize | fixed.Float32Order):
        return True, False
    if isinstance(op, scaled.Dequantize | fixed.Dequantize):
        return False, True
    in_tail = isinstance(op, FLOAT_TAIL)
    return in_tail, in_tail


def _kind(is_float: bool) -> str:
    return "f32" if is_float else "integers"


def quantize_reads_inputs(graph: Graph) -> Iterator[str]:
    """What is quantized is a graph input, moved at most: float32 never comes back from the tail."""
    before = {each.name for each in graph.inputs}
    for node in graph.nodes:
        if isinstance(node.op, MOVES) and before.issuperset(node.operands):
            before.add(node.name)
        if _reads_input(graph, node) and node.operands[0] not in before:
            yield violation(node, f"the computed float32 %{node.operands[0]}", "a graph input")


def _reads_input(graph: Graph, node: Node) -> bool:
    """Whether the node makes integers of float32: always, or where steps start from an input."""
    match node.op:
        case scaled.Quantize() | fixed.Quantize() | fixed.Float32Order():
            return True
        case scaled.Float32Steps():
            return graph.type_of(node.operands[0]).element == FLOAT32
        case _:
            return False


def shapes_follow(graph: Graph) -> Iterator[str]:
    """Operands fit the op, and the result has the shape that the op gives it."""
    for node in graph.nodes:
        try:
            shape = result_shape(node.op, graph.operand_types(node), node.type.shape)
        except Mismatch as mismatch:
            yield violation(node, mismatch.found, mismatch.expected)
            continue
        if shape != node.type.shape:
            yield violation(node, f"a result of shape {written(node.type.shape)}", written(shape))


RULES: tuple[Rule, ...] = (floats_stay_at_the_border, quantize_reads_inputs, shapes_follow)
