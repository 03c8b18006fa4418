# SPDX-License-Identifier: Apache-2.0
"""Linear interpolation on integers."""

from collections.abc import Sequence

import numpy as np

from intaglio.compiler.ir.fixed import ResizeLinear
from intaglio.compiler.ir.graph import Node
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import OBJECT, Array, Word, in_word, integer_word, store


def prepare_resize_linear(node: Node, op: ResizeLinear, operands: Sequence[Operand]) -> Prepared:
    """``ResizeLinear``: rows first, then columns; integers make the order no matter."""
    x, type = operands[0].interval, node.type.integer
    blended, reached = _blended(x, op.row_weights, op.row_denominator)
    result, reached_last = _blended(blended, op.column_weights, op.column_denominator)
    word = integer_word(Interval.hull_of((x, reached, reached_last)))
    down, up = _columns(op.row_weights, op.row_denominator, word)
    right, left = _columns(op.column_weights, op.column_denominator, word)

    def compute(arrays: Operands) -> Array:
        planes = in_word(arrays[0], word)
        lines = (
            planes[:, list(op.rows_low)] * up[:, np.newaxis]
            + planes[:, list(op.rows_high)] * down[:, np.newaxis]
        )
        sums = lines[:, :, list(op.columns_low)] * left + lines[:, :, list(op.columns_high)] * right
        return store(node.name, sums, result, type)

    return Prepared(compute, result if type.interval.contains(result) else type.interval)


def _columns(weights: Sequence[int], denominator: int, word: Word) -> tuple[Array, Array]:
    """The weights of the high and of the low neighbours, as a column for NHWC."""
    high = np.array(weights, dtype=OBJECT).reshape(-1, 1)
    return in_word(high, word), in_word(denominator - high, word)


def _blended(x: Interval, weights: Sequence[int], denominator: int) -> tuple[Interval, Interval]:
    """Where ``low * (denominator - weight) + high * weight`` lies; and all that leads to it."""
    sums: list[Interval] = []
    parts: list[int | Interval] = [0, denominator]
    for weight in set(weights):
        shares = (x.scale_by(denominator - weight), x.scale_by(weight))
        sums.append(shares[0] + shares[1])
        parts.extend((*shares, sums[-1], weight, denominator - weight))
    return Interval.hull_of(sums), Interval.hull_of(parts)
