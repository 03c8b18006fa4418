# SPDX-License-Identifier: Apache-2.0
"""How many parameters an op holds and how many products it adds up."""

from math import prod
from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Constant, Graph, Node

Contraction = (
    fixed.Conv2d
    | fixed.ConvTranspose2d
    | fixed.MatMul
    | scaled.Conv2d
    | scaled.ConvTranspose2d
    | scaled.FullyConnected
    | scaled.MatMul
)


def parameters(graph: Graph, node: Node) -> int:
    """The elements of the constants that the node reads."""
    return sum(
        value.array.size
        for value in (graph.definitions[name] for name in dict.fromkeys(node.operands))
        if isinstance(value, Constant)
    )


def multiply_accumulates(graph: Graph, node: Node) -> int:
    """The products of the node's sums, padded positions included; 0 for other ops.

    A convolution has ``N * H * W * O * kh * kw * C / groups``, a transposed one counts positions of
    its input instead, a matrix product ``[..., M, K] [K, N]`` has ``... * M * K * N``.
    """
    op = node.op
    if not isinstance(op, Contraction):
        return 0
    match op:
        case fixed.Conv2d() | scaled.Conv2d():
            # [O, kh, kw, C / groups]
            return node.type.size * prod(graph.type_of(node.operands[1]).shape[1:])
        case fixed.ConvTranspose2d() | scaled.ConvTranspose2d():
            outputs, *kernel, _ = graph.type_of(node.operands[1]).shape
            return graph.type_of(node.operands[0]).size * prod(kernel) * outputs // op.groups
        case fixed.MatMul() | scaled.FullyConnected() | scaled.MatMul():
            return node.type.size * graph.type_of(node.operands[0]).shape[-1]
        case _:
            assert_never(op)
