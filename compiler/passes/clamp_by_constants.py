# SPDX-License-Identifier: Apache-2.0
"""A minimum or maximum with a constant is a clamp, which the op before it may perform."""

from dataclasses import dataclass, replace

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.editing import opened
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import DequantizedPair, PairFunction

WIDEST_DISTANCE = 2**17
"""Up to this |code - zero point| a product with a scale, rounded to binary32, tells codes apart."""

_PLAIN_SCALES = Interval(-100, 100)
"""Exponents of scales whose products and quotients with codes stay normal numbers."""


def clamp_by_constants(graph: Graph) -> Graph:
    """Make clamps of minimums and maximums with a constant that varies along the last axis alone.

    min(x, k) = clamp(x, lowest x, k) and max(x, k) = clamp(x, k, highest x), by channel. So is the
    minimum or maximum of two dequantized codes that share scale and zero point with the result:
    with n = x - z and |n| <= 2**17, the product n * s, its quotient by s, and the reciprocal of s
    are each rounded once to binary32, so the quotient is n to within |n| * 3 * 2**-24 < 1/2 and
    rounds to n; and rounding keeps the order of products.

    ``fuse_clamps`` then gives the bounds to the op before, or drops them.
    """
    builder = opened(graph)
    for node in graph.nodes:
        bound = _bound(builder, node)
        if bound is None:
            continue
        low, high = bound.pairs(builder.type_of(bound.value), node.op)
        clamp = fixed.Clamp(_short(low), _short(high))
        builder.definitions[node.name] = replace(node, op=clamp, operands=(bound.value,))
    return builder.finish_like(graph, graph.outputs)


@dataclass(frozen=True, slots=True)
class _Bound:
    """The computed operand, the constant by channel, and whether that is an upper bound."""

    value: str
    numbers: tuple[int, ...]
    upper: bool

    def pairs(self, type: TensorType, op: object) -> tuple[list[int], list[int]]:
        """Lows and highs by channel, within the clamp that the op itself ends in."""
        inside = type.integer.interval
        if isinstance(op, fixed.Pairwise) and isinstance(op.arithmetic, DequantizedPair):
            inside = Interval(op.arithmetic.low, op.arithmetic.high)
            numbers = [min(max(number, inside.low), inside.high) for number in self.numbers]
        else:
            numbers = list(self.numbers)
        if self.upper:
            return [min(inside.low, number) for number in numbers], numbers
        return numbers, [max(inside.high, number) for number in numbers]


def _bound(builder: Builder, node: Node) -> _Bound | None:
    upper = _is_upper(builder, node)
    if upper is None:
        return None
    for value, other in (node.operands, reversed(node.operands)):
        constant = builder.definitions[other]
        if not isinstance(constant, Constant) or isinstance(builder.definitions[value], Constant):
            continue
        numbers = _by_channel(constant, node.type.shape)
        if numbers is not None and builder.type_of(value).shape == node.type.shape:
            return _Bound(value, numbers, upper)
    return None


def _is_upper(builder: Builder, node: Node) -> bool | None:
    """Whether a node is a minimum, False for a maximum, None where it is neither."""
    match node.op:
        case fixed.Minimum():
            return True
        case fixed.Maximum():
            return False
        case fixed.Pairwise(arithmetic=DequantizedPair() as pair) if _keeps_codes(
            builder, node, pair
        ):
            return {PairFunction.MINIMUM: True, PairFunction.MAXIMUM: False}.get(pair.function)
        case _:
            return None


def _keeps_codes(builder: Builder, node: Node, pair: DequantizedPair) -> bool:
    """Whether a dequantized code, quantized again, is the same code, for all codes and operands."""
    scales = {pair.left_scale, pair.right_scale, pair.output_scale}
    zeros = {pair.left_zero_point, pair.right_zero_point, pair.zero_point}
    if len(scales) > 1 or len(zeros) > 1 or pair.output_scale.value <= 0:
        return False
    _, exponent = np.frexp(pair.output_scale.value)
    intervals = [builder.type_of(name).integer.interval for name in node.operands]
    farthest = max(
        abs(end - pair.zero_point) for each in intervals for end in (each.low, each.high)
    )
    within = Interval(int(exponent), int(exponent))
    return farthest <= WIDEST_DISTANCE and _PLAIN_SCALES.contains(within)


def _by_channel(constant: Constant, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """One number, or one for each index of the last axis; None where it varies along another."""
    array = constant.array.reshape(-1, constant.array.shape[-1] if constant.array.ndim else 1)
    if array.size == 0 or not (array == array[:1]).all():
        return None
    numbers = tuple(int(number) for number in array[0])
    return numbers if len(numbers) in (1, *shape[-1:]) else None


def _short(numbers: list[int]) -> tuple[int, ...]:
    """One number where all are alike."""
    return tuple(numbers[:1] if len(set(numbers)) == 1 else numbers)
