# SPDX-License-Identifier: Apache-2.0
"""What isn't compiled."""

from collections.abc import Iterator, Sequence

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import AnyOp, Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidGraph, UnsupportedModel
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import RationalSum, RescaledSum, SharedShiftSum


def unsupported(graph: Graph) -> tuple[str, ...]:
    """A sentence for each node of a fixed graph that has no kernel; empty where all is well."""
    return tuple(_problems(graph))


def _problems(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        where = f"{node.name} ({node.source})" if node.source else node.name
        if isinstance(node.op, fixed.Float32Softmax):
            yield f"{where}: Float32Softmax is correctly rounded, which takes more than float32"
        bits = _bits(node.op, graph.operand_types(node))
        if bits > MOST_BITS:
            yield f"{where}: found a product of {bits} bits, expected at most {MOST_BITS}"


MOST_BITS = 127
"""Of two's complement that any product may have; kernels compute in two 64-bit words."""


def _bits(op: AnyOp, types: Sequence[TensorType]) -> int:
    """Bits of the widest product of a requantizer or of a two-input arithmetic."""
    match op:
        case fixed.Requantize():
            x = types[0].integer.interval
            return max(r.scaling.product_bits(x) for r in op.requantizers)
        case fixed.Pairwise(arithmetic=RescaledSum() as rescaled):
            return _rescaled_bits(rescaled, types[0].integer, types[1].integer)
        case fixed.Pairwise(arithmetic=RationalSum() as rational):
            left = types[0].integer.interval - _point(rational.left_zero_point)
            right = types[1].integer.interval - _point(rational.right_zero_point)
            total = left.scale_by(rational.left_numerator)
            total += right.scale_by(rational.right_numerator)
            return max(total.signed_bits, rational.denominator.bit_length() + 1)
        case fixed.Pairwise(arithmetic=SharedShiftSum() as shared):
            total = types[0].integer.interval.scale_by(shared.left_multiplier)
            total += types[1].integer.interval.scale_by(shared.right_multiplier)
            return (total + _point(shared.bias)).signed_bits + 1
        case _:
            return 0


def _rescaled_bits(arithmetic: RescaledSum, left: IntType, right: IntType) -> int:
    up = 1 << arithmetic.left_shift
    first = (left.interval - _point(arithmetic.left_zero_point)).scale_by(up)
    second = (right.interval - _point(arithmetic.right_zero_point)).scale_by(up)
    inner = max(arithmetic.left.product_bits(first), arithmetic.right.product_bits(second))
    # No scaling's result is wider than its product.
    total = Interval(-(1 << inner), 1 << inner)
    return max(inner, arithmetic.output.scaling.product_bits(total))


def _point(value: int) -> Interval:
    return Interval(value, value)


def refuse_unsupported(graph: Graph) -> None:
    """Refuse a graph that can't be compiled, naming every node at once.

    Raises:
        InvalidGraph: the graph isn't at the fixed level.
        UnsupportedModel: a node has no kernel.
    """
    if graph.level is not Level.FIXED:
        raise InvalidGraph(graph.name, ["the graph is at the scaled level; lower it first"])
    problems = unsupported(graph)
    if problems:
        raise UnsupportedModel(graph.name, problems, "End the network before them")
