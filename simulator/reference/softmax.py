# SPDX-License-Identifier: Apache-2.0
"""The integer softmax algorithms, a line of codes at a time."""

from collections.abc import Sequence
from functools import partial, reduce
from typing import TypeVar, assert_never

from intaglio.compiler.ir.fixed import (
    FixedPointSoftmax,
    Float32TableSoftmax,
    IntegerTableSoftmax,
    Softmax,
    SoftmaxNormalization,
)
from intaglio.compiler.ir.graph import Array
from intaglio.numerics import float32
from intaglio.numerics.fixed_point_exp import exp_of_negative, reciprocal_of_one_plus
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import INT32
from intaglio.numerics.rounding import divide
from intaglio.numerics.scalings import (
    rounding_shift_away,
    saturating_rounding_doubling_high_multiply,
)
from intaglio.simulator.reference.containers import along_axis, integers

EntryT = TypeVar("EntryT", int, Float32)


def softmax(op: Softmax, x: Array) -> list[int]:
    """``Softmax``; the result has the shape of x."""
    match op.algorithm:
        case FixedPointSoftmax():
            line = partial(_fixed_point, op.algorithm)
        case IntegerTableSoftmax():
            line = partial(_integer_table, op.algorithm)
        case Float32TableSoftmax():
            line = partial(_float32_table, op.algorithm)
        case _:
            assert_never(op.algorithm)
    return along_axis(integers(x), x.shape, op.axis, line)


def _fixed_point(algorithm: FixedPointSoftmax, codes: list[int]) -> list[int]:
    largest = max(codes)
    exponentials = [_fixed_point_exp(algorithm, code - largest) for code in codes]
    # Q12.19; the word of the machine wraps where 8192 elements equal the largest.
    total = sum(rounding_shift_away(e, 12) for e in exponentials if e is not None) % (1 << 32)
    total = max(total, 1)
    headroom = 32 - total.bit_length()
    reciprocal = reciprocal_of_one_plus((total << headroom) - (1 << 31))
    shift = max(12 - headroom + 31 - algorithm.result_bits, 1)
    results: list[int] = []
    for e in exponentials:
        if e is None:
            results.append(algorithm.low)
            continue
        product = saturating_rounding_doubling_high_multiply(reciprocal, e)
        code = rounding_shift_away(product, shift) + algorithm.low
        results.append(min(max(code, algorithm.low), algorithm.high))
    return results


def _fixed_point_exp(algorithm: FixedPointSoftmax, difference: int) -> int | None:
    """exp(difference) in Q0.31; None where the difference is too low to count."""
    if difference < algorithm.difference_minimum:
        return None
    shifted = INT32.wrap(difference << algorithm.left_shift)
    scaled = saturating_rounding_doubling_high_multiply(shifted, algorithm.multiplier)
    return exp_of_negative(scaled, integer_bits=5)


def _integer_table(algorithm: IntegerTableSoftmax, codes: list[int]) -> list[int]:
    exponentials = _entries(algorithm.table, codes, beyond=0)
    total = algorithm.denominator * sum(exponentials)
    return [
        _clamped(algorithm, divide(e * algorithm.numerator, total, algorithm.rounding))
        for e in exponentials
    ]


def _float32_table(algorithm: Float32TableSoftmax, codes: list[int]) -> list[int]:
    zero = Float32.from_integer(0)
    exponentials = _entries(algorithm.table, codes, beyond=zero)
    total = reduce(float32.add, exponentials, zero)
    return [
        _clamped(
            algorithm,
            float32.round_to_integer(_normalized(algorithm, e, total), algorithm.rounding),
        )
        for e in exponentials
    ]


def _normalized(algorithm: Float32TableSoftmax, e: Float32, total: Float32) -> Float32:
    match algorithm.normalization:
        case SoftmaxNormalization.SCALED_NUMERATOR:
            return float32.divide(float32.multiply(e, algorithm.factor), total)
        case SoftmaxNormalization.RECIPROCAL_SUM:
            scaled = float32.multiply(total, algorithm.factor)
            return float32.multiply(e, float32.divide(Float32.from_integer(1), scaled))
        case _:
            assert_never(algorithm.normalization)


def _entries(table: Sequence[EntryT], codes: list[int], beyond: EntryT) -> list[EntryT]:
    """By code: the table's entry for its distance from the largest code."""
    largest = max(codes)
    return [table[largest - c] if largest - c < len(table) else beyond for c in codes]


def _clamped(algorithm: IntegerTableSoftmax | Float32TableSoftmax, code: int) -> int:
    return min(max(code + algorithm.zero_point, algorithm.low), algorithm.high)
