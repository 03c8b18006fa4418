# SPDX-License-Identifier: Apache-2.0
"""What is counted, in plain Python ints over the reference engine: the definition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import assert_never

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.numerics.accumulator import AccumulationOrder, Accumulator, Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.reference import accumulate, elementwise, pooling, run
from intaglio.simulator.reference.containers import integers
from intaglio.simulator.reference.sums import accumulate as kept
from intaglio.simulator.statistics.clamps import CodeOp, Requantizing, with_wider_clamp
from intaglio.simulator.statistics.counts import (
    AccumulatorStatistics,
    CodeStatistics,
    Counts,
    Observation,
    Statistics,
)

FAR = 1 << 80
"""Beyond every value that a scaling makes of 64 bits."""


def observe(
    graph: Graph, inputs: Mapping[str, Array], widths: Mapping[str, int] | None = None
) -> Observation:
    """Run a fixed graph once by its definition, and count.

    Args:
        graph: the graph.
        inputs: by the graph's names.
        widths: the bits that the headroom of a sum is measured against, by the sum's name; those
            of its type for the others.

    Raises:
        InvalidData: as the reference engine.
        InvalidGraph: the graph isn't at the fixed level.
    """
    values: dict[str, Array] = {constant.name: constant.array for constant in graph.constants}
    outputs = run(graph, inputs, values.__setitem__)
    sums: list[AccumulatorStatistics] = []
    codes: list[CodeStatistics] = []
    for node in graph.nodes:
        operands = [values[name] for name in node.operands]
        if isinstance(node.op, AccumulateOp):
            sums.append(observe_sums(node, node.op, operands, declared_bits(node, widths)))
        elif isinstance(node.op, CodeOp):
            codes.append(observe_codes(node, node.op, operands, values[node.name]))
    return Observation(outputs, Statistics(1, tuple(sums), tuple(codes)))


def declared_bits(node: Node, widths: Mapping[str, int] | None) -> int:
    """The width that the headroom of a sum is measured against."""
    return (widths or {}).get(node.name, node.type.integer.interval.signed_bits)


@dataclass(slots=True)
class _Sums:
    """Every sum of a node in row-major order, with what happened in it."""

    exact: list[int] = field(default_factory=list[int])
    overflows: list[int] = field(default_factory=list[int])
    additions: list[int] = field(default_factory=list[int])

    def keep(self, terms: Iterable[int], bias: int, accumulator: Accumulator) -> int:
        """The result of one sum, as ``reference.accumulate.accumulate`` has it."""
        listed = list(terms)
        exact = sum(listed, bias)
        self.exact.append(exact)
        match accumulator.overflow:
            case Overflow.WRAP | Overflow.SATURATE:
                self.overflows.append(int(not accumulator.type.contains(exact)))
                self.additions.append(0)
            case Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
                clamped = _clamped_additions(listed, bias, accumulator)
                self.overflows.append(int(clamped > 0))
                self.additions.append(clamped)
            case _:
                assert_never(accumulator.overflow)
        return kept(listed, bias, accumulator)


def _clamped_additions(terms: Sequence[int], bias: int, accumulator: Accumulator) -> int:
    first = accumulator.order is AccumulationOrder.BIAS_FIRST
    total = clamped = 0
    for term in chain((bias,), terms) if first else chain(terms, (bias,)):
        clamped += not accumulator.type.contains(total + term)
        total = accumulator.type.saturate(total + term)
    return clamped


def observe_sums(
    node: Node, op: AccumulateOp, operands: Sequence[Array], bits: int
) -> AccumulatorStatistics:
    """What happens in the sums of one node."""
    sums = _Sums()
    x, shape = operands[0], node.type.shape
    bias = operands[2] if len(operands) > 2 else None
    match op:
        case fixed.Conv2d():
            accumulate.conv2d(op, x, operands[1], bias, shape, sums.keep)
        case fixed.ConvTranspose2d():
            accumulate.conv_transpose2d(op, x, operands[1], bias, shape, sums.keep)
        case fixed.MatMul():
            accumulate.matmul(op, x, operands[1], bias, sums.keep)
        case fixed.ReduceSum():
            accumulate.reduce_sum(op, x, sums.keep)
        case _:
            assert_never(op)
    channels = channels_of(node)
    needed = [Interval(value, value).signed_bits for value in sums.exact]
    by_channel = [sums.exact[channel::channels] for channel in range(channels)]
    return AccumulatorStatistics(
        name=node.name,
        source=node.source,
        declared_bits=bits,
        overflow=op.accumulator.overflow,
        results=len(sums.exact),
        overflows=_by_channel(sums.overflows, channels),
        additions=_by_channel(sums.additions, channels),
        bits=tuple(needed.count(bits) for bits in range(max(needed, default=-1) + 1)),
        lowest=tuple(map(min, by_channel)) if sums.exact else None,
        highest=tuple(map(max, by_channel)) if sums.exact else None,
    )


def observe_codes(
    node: Node, op: CodeOp, operands: Sequence[Array], result: Array
) -> CodeStatistics:
    """What the clamp of one node cuts off: results that differ from the value without it."""
    values, found = _unclamped(node, op, operands), integers(result)
    pairs = list(zip(values, found, strict=True))
    channels = channels_of(node)
    wraps = isinstance(op, fixed.Cast) and op.overflow is Overflow.WRAP
    below = _by_channel([int(value < code) for value, code in pairs], channels)
    above = _by_channel([int(value > code) for value, code in pairs], channels)
    none = (0,) * channels
    return CodeStatistics(
        name=node.name,
        source=node.source,
        results=len(pairs),
        low=none if wraps else below,
        high=none if wraps else above,
        wrapped=tuple(map(int.__add__, below, above)) if wraps else none,
    )


def _unclamped(node: Node, op: CodeOp, operands: Sequence[Array]) -> list[int]:
    """The values that the clamp is given, in row-major order."""
    match op:
        case fixed.Clamp() | fixed.Cast():
            return integers(operands[0])
        case fixed.Requantize() | fixed.Pairwise() | fixed.AveragePool2d():
            return _scaled(with_wider_clamp(op, FAR), operands, node.type.shape)
        case _:
            assert_never(op)


def _scaled(op: Requantizing, operands: Sequence[Array], shape: tuple[int, ...]) -> list[int]:
    match op:
        case fixed.Requantize():
            return elementwise.requantize(op, operands[0])
        case fixed.Pairwise():
            return elementwise.pairwise(op, operands[0], operands[1])
        case fixed.AveragePool2d():
            return pooling.average_pool2d(op, operands[0], shape)
        case _:
            assert_never(op)


def channels_of(node: Node) -> int:
    """The extent of the last axis."""
    return node.type.shape[-1] if node.type.shape else 1


def _by_channel(events: Sequence[int], channels: int) -> Counts:
    """Events in row-major order, added up for each index of the last axis."""
    return tuple(sum(events[channel::channels]) for channel in range(channels))
