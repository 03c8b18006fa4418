# SPDX-License-Identifier: Apache-2.0
"""Which integers a fixed op can yield, by exact interval arithmetic over its operands' types."""

from typing import assert_never

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.float_steps import INFINITY
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)


def exact_result(op: fixed.Op, operands: tuple[TensorType, ...]) -> Interval | None:
    """All results that the op can have, or None where the result's type decides them.

    That is so for sums in an accumulator, casts and quantization (they wrap or saturate), for moves
    and lookups (they copy), and for float32.
    """
    match op:
        case fixed.Requantize(requantizers=requantizers):
            return Interval.hull_of(each.output for each in requantizers)
        case fixed.Pairwise(arithmetic=arithmetic):
            return pair_output(arithmetic)
        case fixed.Add():
            left, right = _intervals(operands)
            return left + right
        case fixed.Subtract():
            left, right = _intervals(operands)
            return left - right
        case fixed.Multiply(left_zero_point=left_zero, right_zero_point=right_zero):
            left, right = _intervals(operands)
            return (left - _point(left_zero)) * (right - _point(right_zero))
        case fixed.Minimum():
            left, right = _intervals(operands)
            return Interval(min(left.low, right.low), min(left.high, right.high))
        case fixed.Maximum():
            left, right = _intervals(operands)
            return Interval(max(left.low, right.low), max(left.high, right.high))
        case fixed.Clamp(low=low, high=high):
            return _clamped(operands[0].integer.interval, low, high)
        case fixed.AveragePool2d(arithmetic=arithmetic):
            return _pool_output(arithmetic)
        case fixed.Softmax(algorithm=algorithm):
            return Interval(algorithm.low, algorithm.high)
        case fixed.ResizeLinear(row_denominator=rows, column_denominator=columns):
            return operands[0].integer.interval.scale_by(rows * columns)
        case fixed.Float32Order():
            return Interval(-INFINITY, INFINITY)
        case (
            fixed.Conv2d()
            | fixed.ConvTranspose2d()
            | fixed.MatMul()
            | fixed.ReduceSum()
            | fixed.Cast()
            | fixed.Lookup()
            | fixed.MaxPool2d()
            | fixed.Quantize()
            | fixed.Dequantize()
            | fixed.Float32Binary()
            | fixed.Float32Softmax()
            | moves.Transpose()
            | moves.Reshape()
            | moves.Slice()
            | moves.Concat()
            | moves.Pad()
            | moves.ResizeNearest()
        ):
            return None
        case _:
            assert_never(op)


def pair_output(arithmetic: PairArithmetic) -> Interval:
    """The codes that a two-input arithmetic clamps to."""
    match arithmetic:
        case RescaledSum(output=output):
            return output.output
        case SharedShiftSum() | RationalSum() | FusedMultiplyAddSum() | DequantizedPair():
            return Interval(arithmetic.low, arithmetic.high)
        case _:
            assert_never(arithmetic)


def _pool_output(arithmetic: fixed.PoolArithmetic) -> Interval:
    match arithmetic:
        case fixed.RequantizedSum(by_count=by_count):
            return Interval.hull_of(each.output for each in by_count)
        case fixed.Float32Average(low=low, high=high):
            return Interval(low, high)
        case _:
            assert_never(arithmetic)


def _clamped(x: Interval, low: tuple[int, ...], high: tuple[int, ...]) -> Interval:
    """The hull over the channels; one bound serves all."""
    channels = max(len(low), len(high))
    bounds = zip(low * (channels // len(low)), high * (channels // len(high)), strict=True)
    return Interval.hull_of(min(max(x_end, a), b) for a, b in bounds for x_end in (x.low, x.high))


def _intervals(operands: tuple[TensorType, ...]) -> tuple[Interval, Interval]:
    left, right = operands
    return left.integer.interval, right.integer.interval


def _point(value: int) -> Interval:
    return Interval(value, value)
