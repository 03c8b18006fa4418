# SPDX-License-Identifier: Apache-2.0
"""Ops that end in codes, and the same ops with their clamp moved outwards."""

from dataclasses import replace
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.requantizers import Requantizer

Requantizing = fixed.Requantize | fixed.Pairwise | fixed.AveragePool2d
"""Ops that scale and clamp."""

CodeOp = Requantizing | fixed.Clamp | fixed.Cast


def with_wider_clamp(op: Requantizing, by: int) -> Requantizing:
    """The op whose clamp ends ``by`` codes further out at both sides."""
    match op:
        case fixed.Requantize():
            return replace(op, requantizers=tuple(_wider(each, by) for each in op.requantizers))
        case fixed.Pairwise():
            return replace(op, arithmetic=_wider_pair(op.arithmetic, by))
        case fixed.AveragePool2d():
            return replace(op, arithmetic=_wider_average(op.arithmetic, by))
        case _:
            assert_never(op)


def clamps(op: Requantizing) -> tuple[Interval, ...]:
    """The ends of the op's clamps: of each channel, of the one there is, or of each divisor."""
    match op:
        case fixed.Requantize():
            return tuple(each.output for each in op.requantizers)
        case fixed.Pairwise(arithmetic=RescaledSum(output=output)):
            return (output.output,)
        case fixed.Pairwise(arithmetic=arithmetic):
            assert not isinstance(arithmetic, RescaledSum)
            return (Interval(arithmetic.low, arithmetic.high),)
        case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum(by_count=by_count)):
            return tuple(each.output for each in by_count)
        case fixed.AveragePool2d(arithmetic=arithmetic):
            assert isinstance(arithmetic, fixed.Float32Average)
            return (Interval(arithmetic.low, arithmetic.high),)
        case _:
            assert_never(op)


def _wider(requantizer: Requantizer, by: int) -> Requantizer:
    return replace(requantizer, low=requantizer.low - by, high=requantizer.high + by)


def _wider_pair(arithmetic: PairArithmetic, by: int) -> PairArithmetic:
    match arithmetic:
        case RescaledSum():
            return replace(arithmetic, output=_wider(arithmetic.output, by))
        case SharedShiftSum() | RationalSum() | FusedMultiplyAddSum() | DequantizedPair():
            return replace(arithmetic, low=arithmetic.low - by, high=arithmetic.high + by)
        case _:
            assert_never(arithmetic)


def _wider_average(arithmetic: fixed.PoolArithmetic, by: int) -> fixed.PoolArithmetic:
    match arithmetic:
        case fixed.RequantizedSum():
            wider = tuple(_wider(each, by) for each in arithmetic.by_count)
            return replace(arithmetic, by_count=wider)
        case fixed.Float32Average():
            return replace(arithmetic, low=arithmetic.low - by, high=arithmetic.high + by)
        case _:
            assert_never(arithmetic)
