# SPDX-License-Identifier: Apache-2.0
"""Which nodes are so much work that sharing it between threads pays."""

from math import prod

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node

LEAST_SHARED = 1 << 17
"""Work of the smallest node that threads share: some microseconds, many times a wake-up call."""

_ELEMENT = 16
"""Work for an element that is moved or computed, in multiplications within a sum."""


def worth_sharing(graph: Graph, node: Node) -> bool:
    """Whether threads share a node."""
    return work(graph, node) >= LEAST_SHARED


def work(graph: Graph, node: Node) -> int:
    """About how many multiplications within a sum take as long as the node."""
    operands = graph.operand_types(node)
    outputs = node.type.size
    largest = max([outputs, *(operand.size for operand in operands)])
    match node.op:
        case fixed.Conv2d():
            return outputs * prod(operands[1].shape[1:])
        case fixed.ConvTranspose2d():
            return operands[0].size * prod(operands[1].shape[:3]) // node.op.groups
        case fixed.MatMul():
            return outputs * operands[0].shape[-1]
        case fixed.MaxPool2d() | fixed.AveragePool2d():
            return outputs * prod(node.op.kernel) * _ELEMENT
        case _:
            return largest * _ELEMENT
