# SPDX-License-Identifier: Apache-2.0
"""What is proved of each sum of a fixed graph, in a form that a stranger can check.

Operands are taken to reach what the graph itself says in one place: the clamp of the node that
gives them, else their type.  ``value_ranges`` may know more, by arguments that are longer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import assert_never

import numpy as np

from intaglio.compiler.analysis.accumulators import (
    AccumulateOp,
    accumulating_nodes,
    channel_ranges,
    held,
    weight_sums,
)
from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Array, Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.infer.exact_results import pair_output
from intaglio.compiler.ir.text.printing import print_definition
from intaglio.errors import InvalidGraph
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

MOST_BITS = 20
"""Of operands and weights: sums of their products fit 64 bits."""
MOST_BIAS_BITS = 40
"""Of biases: with those products they fit too."""

_KEEPS_CODES = (moves.Transpose, moves.Reshape, moves.Slice, fixed.MaxPool2d)


@dataclass(frozen=True, slots=True)
class Bounds:
    """By channel, between which integers sums lie, and the bits of two's complement for them."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SumCertificate:
    """What is proved of one sum.

    Attributes:
        node: the node of the graph.
        op: what it computes, as the graph's text says it: accumulator, zero points, pads.
        operand: the codes that the operand can have, padding among them.
        operand_from: the value whose clamp or type says so.
        weights: SHA-256 of the weights as 64-bit little-endian integers in row-major order.
        bias: by channel; 0 where there is none.
        signed: by channel, the sum of the negative weights, then of the positive ones, without
            their zero point.
        type_only: of final sums of any weights and operands of these types, with this bias.
        weights_known: of final sums of these weights.
        any_order: of all sums of some of the terms, with the bias or without.
        reachable: by channel, what the accumulator can hold at the end, its overflow rule applied.
        word: the accumulator's type.
    """

    node: Node
    op: str
    operand: Interval
    operand_from: str
    weights: str
    bias: tuple[int, ...]
    signed: tuple[tuple[int, ...], tuple[int, ...]]
    type_only: Bounds
    weights_known: Bounds
    any_order: Bounds
    reachable: tuple[Interval, ...]
    word: IntType

    @property
    def fits(self) -> tuple[bool, bool]:
        """Whether the accumulator holds every final sum, and every sum in any order."""
        final, every = max(self.weights_known.bits), max(self.any_order.bits)
        return final <= self.word.bits, every <= self.word.bits


@dataclass(frozen=True, slots=True)
class RefusedSum:
    """A sum of which nothing is certified, and why."""

    node: Node
    reason: str


def sum_certificates(graph: Graph) -> tuple[SumCertificate | RefusedSum, ...]:
    """What is proved of each sum of a fixed graph, in the graph's order.

    Raises:
        InvalidGraph: the graph is at the scaled level.
    """
    if graph.level is not Level.FIXED:
        found = f"graph {graph.name}: found the scaled level, expected fixed ops; lower it first."
        raise InvalidGraph(graph.name, [found])
    return tuple(
        _certificate(graph, node, op) if reason is None else RefusedSum(node, reason)
        for node, op in accumulating_nodes(graph)
        for reason in [_refusal(graph, node, op)]
    )


def operand_codes(graph: Graph, name: str) -> tuple[Interval, str]:
    """The codes that the graph lets a value have, and the value whose clamp or type says so."""
    definition = graph.definitions[name]
    while isinstance(definition, Node) and isinstance(definition.op, _KEEPS_CODES):
        definition = graph.definitions[definition.operands[0]]
    clamp = _clamp(definition.op) if isinstance(definition, Node) else None
    return clamp or definition.type.integer.interval, definition.name


def _clamp(op: object) -> Interval | None:
    match op:
        case fixed.Requantize(requantizers=requantizers):
            return Interval.hull_of(each.output for each in requantizers)
        case fixed.Pairwise(arithmetic=arithmetic):
            return pair_output(arithmetic)
        case fixed.Softmax(algorithm=algorithm):
            return Interval(algorithm.low, algorithm.high)
        case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum(by_count=by_count)):
            return Interval.hull_of(each.output for each in by_count)
        case fixed.AveragePool2d(arithmetic=fixed.Float32Average(low=low, high=high)):
            return Interval(low, high)
        case _:
            return None


def _refusal(graph: Graph, node: Node, op: AccumulateOp) -> str | None:
    """Why a sum is beyond what the checker derives; None where it isn't."""
    if op.accumulator.truncation is not None:
        return "its accumulator drops bits of every product"
    if op.accumulator.partial_sums is not None:
        return "its accumulator adds up partial sums"
    if not op.accumulator.type.signed:
        return "its accumulator is unsigned"
    limits = (MOST_BITS, MOST_BITS, MOST_BIAS_BITS)
    for operand, most in zip(node.operands, limits, strict=False):
        bits = graph.type_of(operand).integer.bits
        if bits > most:
            return f"{operand} has {bits} bits, and the checker adds up at most {most} in its place"
    for operand, what in zip(node.operands[1:], ("weights", "bias"), strict=False):
        constant = graph.constant(operand)
        if constant is None:
            return f"its {what}, {operand}, are computed at run time"
        if isinstance(op, fixed.MatMul) and constant.type.rank > 2:
            return f"its {what}, {operand}, are a batch of matrices"
    return None


def _certificate(graph: Graph, node: Node, op: AccumulateOp) -> SumCertificate:
    codes, giver = operand_codes(graph, node.operands[0])
    constants = [each for name in node.operands[1:] if (each := graph.constant(name))]
    known = channel_ranges(graph.definitions, node, op, {node.operands[0]: codes})
    words = {name: graph.type_of(name).integer.interval for name in node.operands}
    weights = constants[0] if constants else None
    # Weights as if computed at run time: nothing but their type is known.
    hidden = {each.name: Input(each.name, each.type) for each in constants[:1]}
    typed = channel_ranges({**graph.definitions, **hidden}, node, op, words)
    count, terms = len(known), 1
    if isinstance(op, fixed.ReduceSum):
        shape = graph.type_of(node.operands[0]).shape
        terms = prod(shape[axis] for axis in op.axes)
    return SumCertificate(
        node,
        _op_text(node),
        _with_outside(op, codes),
        giver,
        _digest(weights.array if weights else np.ones(terms)),
        tuple(int(value) for value in constants[1].array) if constants[1:] else (0,) * count,
        _signed(op, weights, terms),
        _bounds([each.total for each in (typed if len(typed) > 1 else typed * count)]),
        _bounds([each.total for each in known]),
        _bounds([each.partial for each in known]),
        tuple(held(op.accumulator, each) for each in known),
        op.accumulator.type,
    )


def _with_outside(op: AccumulateOp, codes: Interval) -> Interval:
    """The codes, and what stands where there is no operand."""
    match op:
        case fixed.Conv2d(pads=pads, pad_value=value):
            return codes | Interval(value, value) if any(pads) else codes
        case fixed.ConvTranspose2d(input_zero_point=zero):
            return codes | Interval(zero, zero)
        case fixed.MatMul() | fixed.ReduceSum():
            return codes
        case _:
            assert_never(op)


def _op_text(node: Node) -> str:
    """``conv2d accumulator=accumulator(type=i32) pads=[1, 1, 1, 1]``: the node without names."""
    line = print_definition(replace(node, source=node.name)).split(" = ", 1)[1]
    names = ", ".join(f"%{operand}" for operand in node.operands)
    return line.replace(f"({names})", "", 1)


def _digest(weights: Array) -> str:
    return hashlib.sha256(weights.astype("<i8").tobytes()).hexdigest()


def _signed(
    op: AccumulateOp, weights: Constant | None, terms: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """By channel, the negative weights' sum and the positive ones'; of a bare sum each is 1."""
    match op:
        case fixed.Conv2d() | fixed.ConvTranspose2d():
            axis, zero_points = 0, op.weight_zero_points
        case fixed.MatMul():
            axis, zero_points = -1, op.right_zero_points
        case fixed.ReduceSum():
            return (0,), (terms,)
        case _:
            assert_never(op)
    assert weights is not None
    sums = [each for (each,) in weight_sums(weights, axis, zero_points)]
    return tuple(each.negative for each in sums), tuple(each.positive for each in sums)


def _bounds(intervals: Sequence[Interval]) -> Bounds:
    return Bounds(
        tuple(each.low for each in intervals),
        tuple(each.high for each in intervals),
        tuple(each.signed_bits for each in intervals),
    )
