# SPDX-License-Identifier: Apache-2.0
"""What of a graph is floating point: values at the border, and arithmetic with IEEE constants."""

from collections.abc import Iterable
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Level, Node
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.ir.verify.rules import place
from intaglio.compiler.ir.verify.structure import definitions
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Scaling,
    Shift,
    Stages,
    Thresholds,
    TosaScale,
)


def float_values(graph: Graph) -> tuple[str, ...]:
    """The names of all float32 values: borders and the short tail, in order."""
    return tuple(each.name for each in definitions(graph) if each.type.element == FLOAT32)


def float_parts(graph: Graph) -> tuple[str, ...]:
    """Why the graph isn't integers alone: a sentence for each float value or float arithmetic."""
    if graph.level is Level.SCALED:
        return (f"graph {graph.name}: its scales are float32 until an arithmetic is selected.",)
    values = (
        f"{place(each)}: its value is float32."
        for each in definitions(graph)
        if each.type.element == FLOAT32
    )
    arithmetic = (
        f"{place(node)}: {reason} computes in floating point."
        for node in graph.nodes
        if (reason := _float_arithmetic(node))
    )
    return (*values, *arithmetic)


def integer_only(graph: Graph) -> bool:
    """Whether every value and every step of the arithmetic is an integer; targets may require it.

    ``float_parts`` gives the reasons where it is not.
    """
    return not float_parts(graph)


def _float_arithmetic(node: Node) -> str:
    """The name of the floating-point arithmetic of a node, empty where it has none."""
    match node.op:
        case fixed.Requantize(requantizers=requantizers):
            return _of_requantizers(requantizers)
        case fixed.Pairwise(arithmetic=arithmetic):
            return _of_pair(arithmetic)
        case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum(by_count=by_count)):
            return _of_requantizers(by_count)
        case fixed.AveragePool2d(arithmetic=fixed.Float32Average()):
            return fixed.Float32Average.__name__
        case fixed.Softmax(algorithm=fixed.Float32TableSoftmax()):
            return fixed.Float32TableSoftmax.__name__
        case _:
            return ""


def _of_requantizers(requantizers: Iterable[Requantizer]) -> str:
    return next(filter(None, (_of_scaling(each.scaling) for each in requantizers)), "")


def _of_pair(arithmetic: PairArithmetic) -> str:
    match arithmetic:
        case RescaledSum(left=left, right=right, output=output):
            return _of_scaling(left) or _of_scaling(right) or _of_scaling(output.scaling)
        case SharedShiftSum() | RationalSum():
            return ""
        case FusedMultiplyAddSum() | DequantizedPair():
            return type(arithmetic).__name__
        case _:
            assert_never(arithmetic)


def _of_scaling(scaling: Scaling) -> str:
    match scaling:
        case Float32Multiply() | Float32MultiplyAdd() | Float64Multiply():
            return type(scaling).__name__
        case (
            MultiplyShift()
            | DoubleRounding()
            | Int16Multiply()
            | MultiplyAddShift()
            | Shift()
            | TosaScale()
            | RationalMultiply()
            | Thresholds()
            | Stages()
        ):
            return ""
        case _:
            assert_never(scaling)
