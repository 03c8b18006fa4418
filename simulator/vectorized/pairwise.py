# SPDX-License-Identifier: Apache-2.0
"""Two-input arithmetics: for narrow operands a table of all pairs, else computed."""

from collections.abc import Sequence

import numpy as np

from intaglio.compiler.ir.fixed import Pairwise
from intaglio.compiler.ir.graph import Node
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs_vectorized import apply_pair
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import Array, store

MOST_PAIRS = 1 << 16
"""Entries of the largest table: two 8-bit operands."""


def prepare_pairwise(node: Node, op: Pairwise, operands: Sequence[Operand]) -> Prepared:
    """``Pairwise``."""
    first, second = (operand.type.integer for operand in operands)
    type, size = node.type.integer, node.type.size
    tabulated = first.bits + second.bits <= 16 and size >= MOST_PAIRS >> 2

    def computed(arrays: Operands) -> Array:
        codes = apply_pair(op.arithmetic, arrays[0], arrays[1])
        return store(node.name, codes, _ends(codes), type)

    if not tabulated:
        return Prepared(computed, type.interval)
    left = np.arange(1 << first.bits) + first.minimum
    right = np.arange(1 << second.bits) + second.minimum
    table: Array = computed((left[:, np.newaxis], right)).reshape(-1)

    def looked_up(arrays: Operands) -> Array:
        rows = _place(arrays[0], first) << np.uint16(second.bits)
        return np.take(table, rows + _place(arrays[1], second))

    return Prepared(looked_up, _ends(table))


def _place(codes: Array, type: IntType) -> Array:
    """How far each code of at most 8 bits lies above the lowest."""
    return codes.astype(np.uint16) - np.uint16(type.minimum & 0xFFFF)


def _ends(codes: Array) -> Interval:
    return Interval(int(codes.min()), int(codes.max())) if codes.size else Interval(0, 0)
