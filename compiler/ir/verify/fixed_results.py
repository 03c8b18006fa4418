# SPDX-License-Identifier: Apache-2.0
"""Rules of the fixed level: results are held by their types, codes are codes of their operands."""

from collections.abc import Iterator
from typing import assert_never, cast

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Graph, Level, Node
from intaglio.compiler.ir.infer import exact_result
from intaglio.compiler.ir.verify.rules import Rule, violation
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)

Code = tuple[str, int, IntType]
"""What a code is for, the code, and the type that must have it."""


def results_hold_every_value(graph: Graph) -> Iterator[str]:
    """The type of a fixed result contains every value that the op can yield."""
    if graph.level is not Level.FIXED:
        return
    for node in graph.nodes:
        interval = exact_result(cast("fixed.Op", node.op), graph.operand_types(node))
        if interval is not None and not node.type.integer.interval.contains(interval):
            found = f"a result of {node.type.element} for values in {interval}"
            yield violation(node, found, _wide_enough(interval))


def _wide_enough(interval: Interval) -> str:
    widest = (IntType(64, signed=True).interval, IntType(64, signed=False).interval)
    if not any(each.contains(interval) for each in widest):
        return "values that 64 bits hold"
    return f"a type such as {interval.smallest_type()}"


def sums_have_their_accumulators_type(graph: Graph) -> Iterator[str]:
    """The result of a sum has the type of the accumulator."""
    for node in graph.nodes:
        match node.op:
            case (
                fixed.Conv2d(accumulator=accumulator)
                | fixed.ConvTranspose2d(accumulator=accumulator)
                | fixed.MatMul(accumulator=accumulator)
                | fixed.ReduceSum(accumulator=accumulator)
            ) if node.type.element != accumulator.type:
                yield violation(node, f"a result of {node.type.element}", f"{accumulator.type}")
            case _:
                pass


def tables_give_the_result(graph: Graph) -> Iterator[str]:
    """The table of a lookup is a constant of the result's type."""
    for node, _ in graph.nodes_of(fixed.Lookup):
        table = node.operands[1]
        element = graph.type_of(table).element
        if graph.constant(table) is None:
            yield violation(node, f"the computed table %{table}", "a constant")
        if element != node.type.element:
            yield violation(node, f"a table of {element}", f"{node.type.element}, the result's")


def codes_are_in_range(graph: Graph) -> Iterator[str]:
    """Zero points and padding are codes of the type that they belong to."""
    for node in graph.nodes:
        for what, code, element in _codes(node, graph):
            if not element.contains(code):
                yield violation(node, f"{what} {code}", f"a code of {element}")


def _codes(node: Node, graph: Graph) -> Iterator[Code]:
    """Every code among the attributes of a node, whatever the level."""
    operands = graph.operand_types(node)
    match node.op:
        case fixed.Conv2d() | fixed.ConvTranspose2d():
            x, weights = operands[0].integer, operands[1].integer
            yield "input_zero_point", node.op.input_zero_point, x
            yield from (("weight zero point", z, weights) for z in node.op.weight_zero_points)
            if isinstance(node.op, fixed.Conv2d):
                yield "pad_value", node.op.pad_value, x
        case fixed.MatMul(left_zero_point=left, right_zero_points=right):
            yield "left_zero_point", left, operands[0].integer
            yield from (("right zero point", z, operands[1].integer) for z in right)
        case fixed.ReduceSum(input_zero_point=zero_point):
            yield "input_zero_point", zero_point, operands[0].integer
        case fixed.Multiply(left_zero_point=left, right_zero_point=right):
            yield "left_zero_point", left, operands[0].integer
            yield "right_zero_point", right, operands[1].integer
        case fixed.Pairwise(arithmetic=arithmetic):
            yield from _pair_codes(arithmetic, operands[0].integer, operands[1].integer)
        case fixed.AveragePool2d(arithmetic=arithmetic):
            yield "input_zero_point", arithmetic.input_zero_point, operands[0].integer
        case fixed.Quantize(zero_point=zero_point):
            yield "zero_point", zero_point, node.type.integer
        case fixed.Dequantize(zero_point=zero_point):
            yield "zero_point", zero_point, operands[0].integer
        case moves.Pad(mode=moves.PadMode.CONSTANT, value=value):
            if isinstance(node.type.element, IntType):
                yield "value", value, node.type.element
        case _:
            return


def _pair_codes(arithmetic: PairArithmetic, left: IntType, right: IntType) -> Iterator[Code]:
    match arithmetic:
        case RescaledSum() | RationalSum() | DequantizedPair():
            yield "left_zero_point", arithmetic.left_zero_point, left
            yield "right_zero_point", arithmetic.right_zero_point, right
        case SharedShiftSum() | FusedMultiplyAddSum():
            return
        case _:
            assert_never(arithmetic)


RULES: tuple[Rule, ...] = (
    results_hold_every_value,
    sums_have_their_accumulators_type,
    tables_give_the_result,
    codes_are_in_range,
)
