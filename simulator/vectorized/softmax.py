# SPDX-License-Identifier: Apache-2.0
"""The integer softmax algorithms on whole arrays, through tables over the difference."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.fixed import (
    FixedPointSoftmax,
    Float32TableSoftmax,
    IntegerTableSoftmax,
    Softmax,
    SoftmaxNormalization,
)
from intaglio.compiler.ir.graph import Node
from intaglio.numerics.fixed_point_exp import exp_of_negative, reciprocal_of_one_plus
from intaglio.numerics.float_codes import to_codes
from intaglio.numerics.integers import INT32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import divide, divide_array
from intaglio.numerics.scalings import saturating_rounding_doubling_high_multiply
from intaglio.simulator.vectorized.borders import finite_results
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array, in_word, integer_word, store

MOST_EXPONENTIALS = 1 << 16
"""How many values of one softmax are remembered: all of a 16-bit operand."""

Lines = Callable[[Array], Array]
"""Codes from distances ``max - x >= 0``; lines lie along the last axis."""


def prepare_softmax(node: Node, op: Softmax, operands: Sequence[Operand]) -> Prepared:
    """``Softmax``."""
    x = operands[0].interval
    match op.algorithm:
        case FixedPointSoftmax():
            lines = _fixed_point(op.algorithm)
        case IntegerTableSoftmax():
            lines = _integer_table(op.algorithm, operands[0].type.shape[op.axis])
        case Float32TableSoftmax():
            lines = _float32_table(node.name, op.algorithm)
        case _:
            assert_never(op.algorithm)
    codes = Interval(op.algorithm.low, op.algorithm.high)
    type = node.type.integer
    word = integer_word(x.hull(Interval(0, x.width)))

    def compute(arrays: Operands) -> Array:
        aligned = np.moveaxis(in_word(arrays[0], word), op.axis, -1)
        found = lines(aligned.max(axis=-1, keepdims=True) - aligned)
        return np.moveaxis(store(node.name, found, codes, type), -1, op.axis)

    return Prepared(compute, codes if type.interval.contains(codes) else type.interval)


def _fixed_point(algorithm: FixedPointSoftmax) -> Lines:
    """Exponentials and reciprocals by the definition; sums and products in int64."""
    exp = lru_cache(maxsize=MOST_EXPONENTIALS)(partial(_exp, algorithm))

    def lines(distances: Array) -> Array:
        counts = distances <= -algorithm.difference_minimum
        exponentials = np.where(counts, _mapped(exp, np.where(counts, distances, 0)), 0)
        # The word of the machine wraps.
        totals = ((exponentials + (1 << 11)) >> 12).sum(axis=-1, keepdims=True) % (1 << 32)
        totals = np.maximum(totals, 1)
        # frexp gives an integer's bit length.
        headroom = 32 - np.frexp(totals.astype(np.float64))[1].astype(INT64)
        factors = _mapped(reciprocal_of_one_plus, (totals << headroom) - (1 << 31))
        # SRDHM; neither factor is negative, so nothing saturates and halves only go up.
        products = (factors * exponentials + (1 << 30)) >> 31
        shift = np.maximum(12 - headroom + 31 - algorithm.result_bits, 1)
        codes = ((products + ((1 << shift) >> 1)) >> shift) + algorithm.low
        codes = np.clip(codes, algorithm.low, algorithm.high)
        return np.asarray(np.where(counts, codes, algorithm.low))

    return lines


def _mapped(function: Callable[[int], int], values: Array) -> Array:
    """A function of each distinct value, as int64."""
    distinct, places = np.unique(values, return_inverse=True)
    results = [function(value) for value in distinct.tolist()]
    return np.array(results, dtype=INT64)[places].reshape(values.shape)


def _exp(algorithm: FixedPointSoftmax, distance: int) -> int:
    """exp(-distance) in Q0.31."""
    shifted = INT32.wrap(-distance << algorithm.left_shift)
    scaled = saturating_rounding_doubling_high_multiply(shifted, algorithm.multiplier)
    return exp_of_negative(scaled, integer_bits=5)


def _integer_table(algorithm: IntegerTableSoftmax, length: int) -> Lines:
    largest = max(abs(entry) for entry in algorithm.table)
    bound = max(largest * abs(algorithm.numerator), largest * length * abs(algorithm.denominator))
    wide = bound + abs(algorithm.zero_point) >= 1 << 62 or algorithm.denominator < 1
    entries = np.array((*algorithm.table, 0), dtype=OBJECT if wide else INT64)

    def lines(distances: Array) -> Array:
        exponentials = entries[np.minimum(distances.astype(INT64), len(algorithm.table))]
        totals = exponentials.sum(axis=-1, keepdims=True) * algorithm.denominator
        numerators = exponentials * algorithm.numerator
        if wide:
            pairs = np.broadcast(numerators, totals)
            found = [divide(n, total, algorithm.rounding) for n, total in pairs]
            quotients: Array = np.array(found, dtype=OBJECT).reshape(distances.shape)
        else:
            quotients = divide_array(numerators, totals, algorithm.rounding)
        codes: Array = quotients + algorithm.zero_point
        return np.asarray(np.clip(codes, algorithm.low, algorithm.high))

    return lines


def _float32_table(name: str, algorithm: Float32TableSoftmax) -> Lines:
    entries = np.array([*(e.value for e in algorithm.table), 0.0], dtype=np.float32)
    factor = np.float32(algorithm.factor.value)

    def lines(distances: Array) -> Array:
        exponentials = entries[np.minimum(distances.astype(INT64), len(algorithm.table))]
        with finite_results(name):
            # accumulate adds from left to right; a plain sum would pair terms up.
            totals = np.add.accumulate(exponentials, axis=-1)[..., -1:]
            match algorithm.normalization:
                case SoftmaxNormalization.SCALED_NUMERATOR:
                    values = exponentials * factor / totals
                case SoftmaxNormalization.RECIPROCAL_SUM:
                    values = exponentials * (np.float32(1) / (totals * factor))
                case _:
                    assert_never(algorithm.normalization)
        return to_codes(
            values, algorithm.rounding, algorithm.zero_point, algorithm.low, algorithm.high
        )

    return lines
