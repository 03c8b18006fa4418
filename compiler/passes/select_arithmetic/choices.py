# SPDX-License-Identifier: Apache-2.0
"""The index of an extreme element: the largest of keys that hold the element and its place."""

from math import prod

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType


def lower_choice(state: Lowering, node: Node, op: scaled.ArgMax | scaled.ArgMin) -> str:
    """Keys are ±x 2**k + rank; the low k bits of the largest are the rank of the chosen element.

    The rank falls along the axis so that the first of equal elements wins, or rises for the last.
    """
    name = state.operand(node.operands[0])
    type = state.builder.type_of(name)
    extent = type.shape[op.axis]
    bits = max((extent - 1).bit_length(), 1)
    ranks = IntType(bits, signed=False)
    sign = 1 if isinstance(op, scaled.ArgMax) else -1
    factor = state.integer_constant(node, sign << bits, "factor")
    spread = state.exact(node, fixed.Multiply(), [name, factor], "spread")
    rank = _ranks(state, node, op, type, ranks)
    keys = state.exact(node, fixed.Add(), [spread, rank], "keys")
    word = state.builder.type_of(keys).integer
    outer, inner = prod(type.shape[: op.axis]), prod(type.shape[op.axis + 1 :])
    columns = state.emit(node, fixed.Reshape(), [keys], word, (outer, extent, 1, inner), "columns")
    pool = fixed.MaxPool2d((extent, 1))
    largest = state.emit(node, pool, [columns], word, (outer, 1, 1, inner), "largest")
    wrap = fixed.Cast(Overflow.WRAP)
    chosen = state.emit(node, wrap, [largest], ranks, (outer, 1, 1, inner), "rank")
    if not op.last:
        last = state.integer_constant(node, extent - 1, "last")
        chosen = state.exact(node, fixed.Subtract(), [last, chosen], "place")
    widen = fixed.Cast(Overflow.SATURATE)
    shape = state.builder.type_of(chosen).shape
    index = state.emit(node, widen, [chosen], node.type.integer, shape, "index")
    return state.emit(node, fixed.Reshape(), [index], node.type.integer)


def _ranks(
    state: Lowering,
    node: Node,
    op: scaled.ArgMax | scaled.ArgMin,
    type: TensorType,
    element: IntType,
) -> str:
    extent = type.shape[op.axis]
    ranks = np.arange(extent)
    shape = tuple(extent if axis == op.axis else 1 for axis in range(type.rank))
    array = (ranks if op.last else ranks[::-1]).reshape(shape)
    return state.builder.constant(f"{node.name}.ranks", TensorType(element, shape), array)
