# SPDX-License-Identifier: Apache-2.0
"""Equations of the nodes of a fixed graph: read off the ops that the engines execute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import assert_never, cast

from intaglio.commands.hardware.softmax_equations import softmax_equations
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.equations import (
    Equations,
    accumulator_statements,
    pair_equations,
    requantizer_equations,
)
from intaglio.numerics.equations.functions import keep_function, rounding_function
from intaglio.numerics.equations.statements import Number
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Form:
    """What a node computes in some of its channels.

    Attributes:
        statements: the same in all of them; one element's operands are ``x``, or ``x1`` and
            ``x2``, those of a sum ``x[k]`` and ``w[k]``; its result is ``y``, that of a sum ``a``.
        channels: which; empty for all.
        constants: by name, the number in each channel, or one for all.
    """

    statements: tuple[str, ...]
    channels: tuple[int, ...]
    constants: Mapping[str, tuple[Number, ...]]


def node_forms(graph: Graph, node: Node) -> tuple[Form, ...]:
    """The forms of a fixed node; none where it moves elements, or is left in float32."""
    op = cast(fixed.Op, node.op)
    if isinstance(op, fixed.Requantize):
        return _by_structure([requantizer_equations(each, "a", "y") for each in op.requantizers])
    if isinstance(op, fixed.Clamp):
        numbers = {"low": op.low, "high": op.high}
        return (Form(("y = min(max(x, low), high)",), (), numbers),)
    found = _equations(graph, node, op)
    if found is None:
        return ()
    constants = {name: (number,) for name, number in found.constants.items()}
    return (Form(found.statements, (), constants),)


def _by_structure(channels: Sequence[Equations]) -> tuple[Form, ...]:
    """Channels with the same statements together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for channel, each in enumerate(channels):
        groups.setdefault(each.statements, []).append(channel)
    return tuple(
        Form(
            statements,
            tuple(members) if len(groups) > 1 else (),
            {
                name: tuple(channels[member].constants[name] for member in members)
                for name in channels[members[0]].constants
            },
        )
        for statements, members in groups.items()
    )


def _equations(graph: Graph, node: Node, op: fixed.Op) -> Equations | None:
    match op:
        case fixed.Conv2d() | fixed.ConvTranspose2d() | fixed.MatMul():
            return _contraction(graph, node, op)
        case fixed.ReduceSum():
            lines = ("p = [v - z_x for v in x]", *accumulator_statements(op.accumulator, None))
            return Equations(lines, {"z_x": op.input_zero_point})
        case fixed.Lookup():
            word = graph.type_of(node.operands[0]).integer
            return Equations(("y = table[x - lowest]",), {"lowest": word.minimum})
        case fixed.Pairwise():
            return pair_equations(op.arithmetic)
        case fixed.Add():
            return Equations(("y = x1 + x2",))
        case fixed.Subtract():
            return Equations(("y = x1 - x2",))
        case fixed.Multiply():
            zeros: dict[str, Number] = {"z1": op.left_zero_point, "z2": op.right_zero_point}
            return Equations(("y = (x1 - z1) * (x2 - z2)",), zeros)
        case fixed.Minimum():
            return Equations(("y = min(x1, x2)",))
        case fixed.Maximum():
            return Equations(("y = max(x1, x2)",))
        case fixed.Cast():
            return Equations((f"y = {keep_function(op.overflow, node.type.integer)}(x)",))
        case fixed.MaxPool2d():
            return Equations(("y = max(x)",))
        case fixed.AveragePool2d():
            return _average(op.arithmetic)
        case fixed.ResizeLinear():
            lines = (
                "top = x00 * (columns - right) + x01 * right",
                "bottom = x10 * (columns - right) + x11 * right",
                "y = top * (rows - below) + bottom * below",
            )
            numbers: dict[str, Number] = {
                "rows": op.row_denominator,
                "columns": op.column_denominator,
            }
            return Equations(lines, numbers)
        case fixed.Softmax():
            return softmax_equations(op.algorithm)
        case fixed.Quantize():
            return _quantize(node, op)
        case fixed.Dequantize():
            numbers = {"f": op.scale.value, "z": op.zero_point}
            return Equations(("y = fl32(fl32(x - z) * f)",), numbers)
        case fixed.Float32Order():
            return Equations(("y = order(x)",))
        case (
            fixed.Requantize()
            | fixed.Clamp()
            | fixed.Transpose()
            | fixed.Reshape()
            | fixed.Slice()
            | fixed.Concat()
            | fixed.Pad()
            | fixed.ResizeNearest()
            | fixed.Float32Binary()
            | fixed.Float32Softmax()
        ):
            return None
        case _:
            assert_never(op)


def _contraction(
    graph: Graph, node: Node, op: fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul
) -> Equations:
    shape = graph.type_of(node.operands[1]).shape
    left = op.left_zero_point if isinstance(op, fixed.MatMul) else op.input_zero_point
    right = op.right_zero_points if isinstance(op, fixed.MatMul) else op.weight_zero_points
    lines = (
        "p = [(x[k] - z_x) * (w[k] - z_w) for k in range(K)]",
        *accumulator_statements(op.accumulator, "b" if len(node.operands) > 2 else None),
    )
    terms = shape[-2] if isinstance(op, fixed.MatMul) else prod(shape[1:])
    return Equations(
        lines, {"z_x": left, "z_w": right[0] if len(right) == 1 else right, "K": terms}
    )


def _average(arithmetic: fixed.PoolArithmetic) -> Equations:
    match arithmetic:
        case fixed.RequantizedSum():
            whole: Requantizer = arithmetic.by_count[-1]
            first = Equations(
                ("a = sum(v - z_x for v in x)",), {"z_x": arithmetic.input_zero_point}
            )
            return first.then(requantizer_equations(whole, "a", "y"))
        case fixed.Float32Average():
            even = rounding_function(Rounding.HALF_EVEN)
            lines = (
                "u = [fl32(fl32(v - z_x) * f_x) for v in x]",
                "a = reduce(lambda sum, term: fl32(sum + term), u, 0)",
                "v = fl32(fl32(a / fl32(len(x))) / f)",
                f"y = min(max({even}(fl32(v + fl32(z))), low), high)",
            )
            return Equations(
                lines,
                {
                    "z_x": arithmetic.input_zero_point,
                    "f_x": arithmetic.input_scale.value,
                    "f": arithmetic.output_scale.value,
                    "z": arithmetic.output_zero_point,
                    "low": arithmetic.low,
                    "high": arithmetic.high,
                },
            )
        case _:
            assert_never(arithmetic)


def _quantize(node: Node, op: fixed.Quantize) -> Equations:
    divides = op.method is QuantizeMethod.DIVIDE
    quotient = "fl32(x / f)" if divides else "fl32(x * fl32(1 / f))"
    keep = keep_function(Overflow.SATURATE, node.type.integer)
    line = f"y = {keep}({rounding_function(op.rounding)}({quotient}) + z)"
    return Equations((line,), {"f": op.scale.value, "z": op.zero_point})
