# SPDX-License-Identifier: Apache-2.0
"""The rule of ops that only move or choose values."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import get_args

from intaglio.compiler.ir import fixed, moves, scaled
from intaglio.compiler.ir.graph import Graph, Level, Node
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.compiler.ir.verify.rules import Rule, violation

KEEPING: tuple[type[object], ...] = (
    *get_args(moves.Move),
    scaled.MaxPool2d,
    fixed.MaxPool2d,
)


def moves_keep_types(graph: Graph) -> Iterator[str]:
    """A move or max pool keeps the element type and the quantization of each operand."""
    for node in graph.nodes:
        if not isinstance(node.op, KEEPING):
            continue
        for operand in dict.fromkeys(node.operands):
            given = graph.type_of(operand)
            if graph.level is Level.FIXED:
                # There an input has a scale for the caller alone.
                given = replace(given, quantization=None)
            yield from _kept_problems(node, operand, given)


def _kept_problems(node: Node, operand: str, given: TensorType) -> Iterator[str]:
    if given.element != node.type.element:
        found = f"{given.element} in %{operand} and {node.type.element} in the result"
        yield violation(node, found, "one element type")
    elif given.quantization is not None and not _same_codes(node, given):
        yield violation(node, f"a result with another scale than %{operand}", "the same")


def _same_codes(node: Node, given: TensorType) -> bool:
    """Whether every code means the same before and after the move."""
    before, after = given.scaled, node.type.scaled
    if (before.scales, before.zero_points) != (after.scales, after.zero_points):
        return False
    if before.per_tensor or before.axis is None or after.axis is None:
        return before.per_tensor
    match node.op:
        case moves.Transpose(permutation=permutation):
            return permutation[after.axis] == before.axis
        case moves.Reshape():
            outer = prod(given.shape[: before.axis]) == prod(node.type.shape[: after.axis])
            return outer and given.shape[before.axis] == node.type.shape[after.axis]
        case _:
            return before.axis == after.axis


def reinterpreted_codes_stay(graph: Graph) -> Iterator[str]:
    """Codes that are read with another scale keep their element type."""
    for node, _ in graph.nodes_of(scaled.Reinterpret):
        given = graph.type_of(node.operands[0]).element
        if given != node.type.element:
            yield violation(node, f"{node.type.element} from codes of {given}", f"{given}")


def float_padding_is_zero(graph: Graph) -> Iterator[str]:
    """Float32 is padded with zeros: the value of a pad is a code."""
    for node, op in graph.nodes_of(moves.Pad):
        if node.type.element == FLOAT32 and op.value != 0:
            yield violation(node, f"value={op.value} around float32", "0")


RULES: tuple[Rule, ...] = (moves_keep_types, reinterpreted_codes_stay, float_padding_is_zero)
