# SPDX-License-Identifier: Apache-2.0
"""What is counted, in plain Python ints over the reference engine: the definition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Stages
from intaglio.numerics.scalings.stages import SaturateStep, WrapStep, ZeroStep, apply_step
from intaglio.simulator.reference import accumulate as sums_of
from intaglio.simulator.reference import elementwise, pooling, run
from intaglio.simulator.reference.containers import integers
from intaglio.simulator.reference.sums import accumulate, held
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
    registers: list[int] = field(default_factory=list[int])

    def keep(self, products: Iterable[int], bias: int, accumulator: Accumulator) -> int:
        """The result of one sum, as ``reference.sums.accumulate`` has it."""
        listed = list(products)
        truncation = accumulator.truncation
        terms = listed if truncation is None else [truncation.apply(each) for each in listed]
        self.exact.append(sum(terms, bias))
        in_registers, in_accumulator = _Counter(), _Counter()
        kept = accumulate(listed, bias, accumulator, in_registers, in_accumulator)
        self.overflows.append(int(in_accumulator.left > 0))
        self.additions.append(in_accumulator.left if accumulator.overflow.ordered else 0)
        self.registers.append(in_registers.left)
        return kept


@dataclass(slots=True)
class _Counter:
    """Holds sums, and counts those that leave their type."""

    left: int = 0

    def __call__(self, total: int, type: IntType, overflow: Overflow) -> int:
        self.left += not type.contains(total)
        return held(total, type, overflow)


def observe_sums(
    node: Node, op: AccumulateOp, operands: Sequence[Array], bits: int
) -> AccumulatorStatistics:
    """What happens in the sums of one node."""
    sums = _Sums()
    x, shape = operands[0], node.type.shape
    bias = operands[2] if len(operands) > 2 else None
    match op:
        case fixed.Conv2d():
            sums_of.conv2d(op, x, operands[1], bias, shape, sums.keep)
        case fixed.ConvTranspose2d():
            sums_of.conv_transpose2d(op, x, operands[1], bias, shape, sums.keep)
        case fixed.MatMul():
            sums_of.matmul(op, x, operands[1], bias, sums.keep)
        case fixed.ReduceSum():
            sums_of.reduce_sum(op, x, sums.keep)
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
        registers=_by_channel(sums.registers, channels),
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
        stages=_by_channel(_stages(op, operands[0]), channels),
    )


def _stages(op: CodeOp, x: Array) -> list[int]:
    """How many registers inside the requantizer each value leaves, in row-major order."""
    if not isinstance(op, fixed.Requantize):
        return []
    requantizers = op.requantizers
    return [
        registers_left(requantizers[at % len(requantizers)], value)
        for at, value in enumerate(integers(x))
    ]


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


def registers_left(requantizer: Requantizer, x: int) -> int:
    """How many registers of the stages one accumulator leaves, on its way through."""
    if not isinstance(requantizer.scaling, Stages):
        return 0
    left = 0
    for step in requantizer.scaling.steps:
        if isinstance(step, WrapStep | SaturateStep | ZeroStep):
            left += not step.type.contains(x)
        x = apply_step(step, x)
    return left


def _by_channel(events: Sequence[int], channels: int) -> Counts:
    """Events in row-major order, added up for each index of the last axis."""
    return tuple(sum(events[channel::channels]) for channel in range(channels))
