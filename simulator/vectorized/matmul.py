# SPDX-License-Identifier: Apache-2.0
"""Matrix products: a proved sum where b is constant, a bound over all b where it is computed."""

from collections.abc import Sequence

import numpy as np

from intaglio.compiler.ir.fixed import MatMul
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.exact_sum import overflowed
from intaglio.simulator.vectorized.ordered import ordered_word, prove_ordered, word_of_sums
from intaglio.simulator.vectorized.prepared import Epilogue, Operand, Operands, Prepared
from intaglio.simulator.vectorized.term_sums import term_sums
from intaglio.simulator.vectorized.words import (
    OBJECT,
    Array,
    Word,
    centred,
    exact_integers,
    exact_word,
    in_word,
)

BLOCK = 1 << 18
"""Elements of the wider side of a block of rows."""


def prepare_matmul(op: MatMul, operands: Sequence[Operand], shape: tuple[int, ...]) -> Prepared:
    """``MatMul`` whose result has ``shape``."""
    b = operands[1]
    bias_known = len(operands) == 2 or operands[2].constant is not None
    if b.constant is None or b.type.rank > 2 or not bias_known:
        return _computed(op, operands, shape)
    return _constant(op, operands, b.constant, shape)


def _constant(
    op: MatMul, operands: Sequence[Operand], b: Array, shape: tuple[int, ...]
) -> Prepared:
    zero_points = np.array(op.right_zero_points, dtype=OBJECT)
    weights = exact_integers(b, operands[1].type.integer)
    weights = weights - zero_points.astype(weights.dtype)
    given = operands[2].constant if len(operands) > 2 else None
    bias = None if given is None else given.astype(OBJECT)
    a = operands[0].interval
    left = op.left_zero_point
    proved, unproved = prove_ordered(a, left, weights, bias, op.accumulator)
    word = ordered_word(a, left, weights, bias, op.accumulator)
    depth, width = weights.shape

    def block(rows: Array) -> Array:
        accumulators = proved.finish(centred(rows, proved.offset, proved.word) @ proved.weights)
        if unproved:
            terms = centred(rows, left, word)[:, :, np.newaxis]
            columns = weights[:, unproved].astype(word)
            added = (np.zeros(width, OBJECT) if bias is None else bias)[unproved].astype(word)
            products = (terms[:, k] * columns[k] for k in range(depth))
            accumulators[:, unproved] = term_sums(products, added, op.accumulator)
        return accumulators

    def fused(arrays: Operands, epilogue: Epilogue, dtype: Word) -> Array:
        rows = arrays[0].reshape(-1, depth)
        y = np.empty((len(rows), width), dtype=dtype)
        step = max(1, BLOCK // max(depth, width))
        for first in range(0, len(rows), step):
            y[first : first + step] = epilogue(block(rows[first : first + step]))
        return y.reshape(shape)

    return Prepared(
        compute=lambda arrays: fused(arrays, lambda sums: sums, op.accumulator.type.dtype),
        interval=op.accumulator.type.interval if unproved else proved.interval,
        fused=fused,
    )


def _computed(op: MatMul, operands: Sequence[Operand], shape: tuple[int, ...]) -> Prepared:
    """Nothing is known of b but its type: the bound is the product of the largest magnitudes."""
    a, b = operands[0], operands[1]
    columns = [b.interval - Interval(zero, zero) for zero in op.right_zero_points]
    left = a.interval - Interval(op.left_zero_point, op.left_zero_point)
    added = operands[2].interval if len(operands) > 2 else Interval(0, 0)
    right = Interval(min(c.low for c in columns), max(c.high for c in columns))
    product = left * right
    depth = b.type.shape[-2]
    products = Interval(product.low * depth, product.high * depth)
    exact = products + added
    prefixes = Interval.hull_of((exact, products, added, 0))
    accumulator = op.accumulator
    harmless = accumulator.plain and accumulator.type.interval.contains(prefixes)
    ordered = (accumulator.overflow.ordered or not accumulator.plain) and not harmless
    operand = max(
        *(i.magnitude for i in (left, right, a.interval, b.interval)),
        abs(op.left_zero_point),
        *(abs(zero) for zero in op.right_zero_points),
    )
    if ordered:
        largest = max(operand, product.magnitude)
        word = word_of_sums(largest, depth, added.magnitude, accumulator)
    else:
        magnitude = max(product.magnitude * depth + added.magnitude, operand)
        modular = accumulator.overflow is Overflow.WRAP or accumulator.type.interval.contains(exact)
        word = exact_word(magnitude, modular)
    zero_points = in_word(np.array(op.right_zero_points, dtype=OBJECT), word)

    def compute(arrays: Operands) -> Array:
        first = centred(arrays[0], op.left_zero_point, word)
        second = in_word(arrays[1], word) - zero_points
        bias = in_word(arrays[2] if len(arrays) > 2 else np.zeros(shape[-1], OBJECT), word)
        if ordered:
            return _ordered(first, second, bias, accumulator).reshape(shape)
        return overflowed(first @ second + bias, exact, accumulator).reshape(shape)

    held = accumulator.type.interval
    return Prepared(compute, exact if held.contains(exact) and not ordered else held)


def _ordered(first: Array, second: Array, bias: Array, accumulator: Accumulator) -> Array:
    """Term by term, in words that hold every sum before it is held."""
    rows = first[np.newaxis] if first.ndim == 1 else first
    products = (
        rows[..., :, k, np.newaxis] * second[..., k, np.newaxis, :] for k in range(second.shape[-2])
    )
    return term_sums(products, bias, accumulator).astype(accumulator.type.dtype)
