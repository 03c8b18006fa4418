# SPDX-License-Identifier: Apache-2.0
"""Sums over axes."""

from collections.abc import Sequence
from math import prod

import numpy as np

from intaglio.compiler.ir.fixed import ReduceSum
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.exact_sum import overflowed
from intaglio.simulator.vectorized.ordered import ordered_word, prove_ordered
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.term_sums import term_sums
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array, centred, in_word


def prepare_reduce_sum(
    op: ReduceSum, operands: Sequence[Operand], shape: tuple[int, ...]
) -> Prepared:
    """``ReduceSum`` whose result has ``shape``."""
    x = operands[0]
    kept = tuple(axis for axis in range(x.type.rank) if axis not in op.axes)
    count = prod(x.type.shape[axis] for axis in op.axes)
    ones = np.ones((count, 1), dtype=INT64)
    zero_point, accumulator = op.input_zero_point, op.accumulator
    proved, unproved = prove_ordered(x.interval, zero_point, ones, None, accumulator)
    word = OBJECT if proved.total_word == OBJECT else INT64
    if unproved:
        word = ordered_word(x.interval, zero_point, ones, None, accumulator)

    def compute(arrays: Operands) -> Array:
        if unproved:
            lines = arrays[0].transpose(*kept, *op.axes).reshape(-1, count)
            terms = (centred(lines[:, k], zero_point, word) for k in range(count))
            sums = term_sums(terms, np.zeros((), dtype=word), accumulator)
            return sums.astype(accumulator.type.dtype).reshape(shape)
        sums = np.asarray(in_word(arrays[0], word).sum(axis=op.axes)).reshape(shape)
        total = np.asarray(sums - in_word(np.array(count * zero_point, dtype=OBJECT), word))
        return overflowed(total, proved.exact, proved.accumulator)

    held: Interval = accumulator.type.interval
    return Prepared(compute, held if unproved else proved.interval)
