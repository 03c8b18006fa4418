# SPDX-License-Identifier: Apache-2.0
"""Flattening a transposed plane before a product: order the rows of the weights instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Array, Constant, Definition, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.cancel_layouts.permutations import Permutation


@dataclass(frozen=True, slots=True)
class DirectProduct:
    """A product that reads what was transposed.

    Attributes:
        operand: the value before the transpose.
        rows: the type to which it is reshaped.
        weights: the constant weights before.
        array: their rows in the order of the operand's elements.
    """

    operand: str
    rows: TensorType
    weights: Constant
    array: Array


def product_without_transpose(
    definitions: Mapping[str, Definition], node: Node, op: fixed.MatMul
) -> DirectProduct | None:
    """For ``MatMul(Reshape(Transpose(x)), w)``: what reads x directly, None where nothing can.

    The transpose may reorder only axes that the reshape flattens into the summed axis K.  The terms
    of each sum are the same in another order, so an accumulator to which the order matters is
    refused.
    """
    reshape, weights = (definitions[name] for name in node.operands[:2])
    if not (isinstance(reshape, Node) and isinstance(reshape.op, moves.Reshape)):
        return None
    transpose = definitions[reshape.operands[0]]
    if not (isinstance(transpose, Node) and isinstance(transpose.op, moves.Transpose)):
        return None
    if not isinstance(weights, Constant) or weights.type.rank != 2:
        return None
    if not op.accumulator.any_order:
        return None
    permutation = transpose.op.permutation
    kept = _kept_axes(transpose.type.shape, permutation, weights.type.shape[0])
    if kept is None:
        return None
    flattened = transpose.type.shape[kept:]
    places = np.arange(prod(flattened)).reshape(flattened)
    back = np.argsort([axis - kept for axis in permutation[kept:]])
    array = weights.array[np.transpose(places, back).ravel()]
    return DirectProduct(transpose.operands[0], reshape.type, weights, array)


def _kept_axes(shape: tuple[int, ...], p: Permutation, depth: int) -> int | None:
    """How many leading axes stay, so that the others flatten to ``depth`` elements."""
    for kept in reversed(range(len(shape) + 1)):
        if prod(shape[kept:]) == depth and p[:kept] == tuple(range(kept)):
            return kept
    return None
