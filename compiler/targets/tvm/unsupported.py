# SPDX-License-Identifier: Apache-2.0
"""What isn't compiled."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import reduce

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.analysis.settled_accumulators import settled
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import AnyOp, Graph, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.machine import host
from intaglio.errors import InvalidGraph, UnsupportedModel
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import RationalSum, RescaledSum, SharedShiftSum
from intaglio.numerics.scalings import Float64Multiply

MOST_BITS = 127
"""Of two's complement that any product may have; kernels compute in two 64-bit words."""


class Limit(Enum):
    """Everything that isn't compiled.  A test holds this list against a committed one."""

    FLOAT32_SOFTMAX = "Float32Softmax is correctly rounded, which takes more than float32"
    WIDE_PRODUCT = f"a product of Requantize or Pairwise has more than {MOST_BITS} bits"
    TRAP = "a sum may leave the type of an accumulator that traps"
    WIDE_SUM = "a sum of an accumulator, of a pool or of a softmax has more than 128 bits"


def unsupported(graph: Graph) -> tuple[str, ...]:
    """A sentence for each node of a fixed graph that has no kernel; empty where all is well."""
    return tuple(sentence for _, sentence in problems(graph))


def problems(graph: Graph) -> Iterator[tuple[Limit, str]]:
    """Each limit that a node of a fixed graph exceeds, and a sentence that names the node."""
    for node in graph.nodes:
        where = f"{node.name} ({node.source})" if node.source else node.name
        if isinstance(node.op, fixed.Float32Softmax):
            limit = Limit.FLOAT32_SOFTMAX
            yield limit, f"{where}: {limit.value}"
        if isinstance(node.op, AccumulateOp) and _may_trap(graph, node, node.op):
            yield Limit.TRAP, f"{where}: {Limit.TRAP.value}"
        bits = _bits(node.op, graph.operand_types(node))
        if bits > MOST_BITS:
            sentence = f"{where}: found a product of {bits} bits, expected at most {MOST_BITS}"
            yield Limit.WIDE_PRODUCT, sentence
    for name, words in _wide_sums(graph).items():
        yield Limit.WIDE_SUM, f"{name}: found {words}, expected at most 128"


def _may_trap(graph: Graph, node: Node, op: AccumulateOp) -> bool:
    if not op.accumulator.traps:
        return False
    bounds = channel_ranges(graph.definitions, node, op, value_ranges(graph))
    return settled(op.accumulator, reduce(ChannelRange.__or__, bounds)).traps


_SUSPECT_BITS = 100
"""Where an estimate ends and the kernel itself is asked."""


def _may_be_wide(op: AnyOp, types: Sequence[TensorType]) -> bool:
    """Whether a sum of the op may need more than 128 bits; never False where one does."""
    match op:
        case fixed.Conv2d() | fixed.ConvTranspose2d() | fixed.MatMul():
            return any(operand.integer.bits > 32 for operand in types[:2])
        case fixed.ReduceSum() | fixed.ResizeLinear():
            return types[0].integer.bits > 32
        case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum() as arithmetic):
            one = types[0].integer.interval - _point(arithmetic.input_zero_point)
            total = one.scale_by(len(arithmetic.by_count))
            bits = max(r.scaling.product_bits(total) for r in arithmetic.by_count)
            return bits > _SUSPECT_BITS
        case fixed.Softmax(algorithm=fixed.IntegerTableSoftmax() as table, axis=axis):
            largest = max(table.table) * types[0].shape[axis]
            factor = max(table.numerator, table.denominator)
            return (largest * factor).bit_length() > _SUSPECT_BITS
        case _:
            return False


def _wide_sums(graph: Graph) -> Mapping[str, str]:
    """The sums that two words don't hold; only kernels know, so that of each suspect is made."""
    suspects = {
        node.name for node in graph.nodes if _may_be_wide(node.op, graph.operand_types(node))
    }
    if not suspects:
        return {}
    # TVM takes long to import.
    from intaglio.compiler.targets.tvm.network import wide_steps

    return wide_steps(graph, suspects, host())


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
    found = unsupported(graph)
    if found:
        raise UnsupportedModel(graph.name, found, "End the network before them")


def refuse_float64(graph: Graph) -> None:
    """Refuse what a processor without a unit for floats can't compute, naming every node at once.

    Raises:
        UnsupportedModel: a requantizer multiplies in float64, and has no equal integer scaling.
    """
    found = [
        f"{node.name} ({node.source}): found a product in float64, expected one in float32, or one"
        " that an integer multiplier equals"
        for node in graph.nodes
        if isinstance(node.op, fixed.Requantize)
        and any(isinstance(each.scaling, Float64Multiply) for each in node.op.requantizers)
    ]
    if found:
        raise UnsupportedModel(graph.name, found, "Choose a profile that rescales by integers")
