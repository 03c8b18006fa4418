# SPDX-License-Identifier: Apache-2.0
"""Which kernels serve which channels: channels of one family are worked on together."""

from collections.abc import Hashable, Sequence
from typing import TypeVar, assert_never

from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Scaling,
    Shift,
    Stages,
    Thresholds,
    TosaScale,
)
from intaglio.numerics.vectorized.double_rounding_kernel import DoubleRoundingKernel
from intaglio.numerics.vectorized.float_kernels import Float32Kernel, Float64Kernel
from intaglio.numerics.vectorized.kernel import Kernel
from intaglio.numerics.vectorized.rational_kernel import RationalKernel
from intaglio.numerics.vectorized.shift_kernel import ShiftKernel, ShiftScaling
from intaglio.numerics.vectorized.stages_kernel import StagesKernel
from intaglio.numerics.vectorized.threshold_kernel import ThresholdKernel
from intaglio.numerics.vectorized.wide_kernel import WideShiftKernel

Member = TypeVar("Member")


def channels_by_family(scalings: Sequence[Scaling]) -> list[list[int]]:
    """The channel indices of each family, in order of first appearance."""
    families: dict[tuple[type[object], Hashable], list[int]] = {}
    for index, scaling in enumerate(scalings):
        families.setdefault(_family(scaling), []).append(index)
    return list(families.values())


def _family(scaling: Scaling) -> tuple[type[object], Hashable]:
    """Equal for scalings that one kernel can serve together."""
    match scaling:
        case MultiplyShift() | Shift() | Int16Multiply() | TosaScale():
            return ShiftKernel, None
        case MultiplyAddShift():
            return ShiftKernel, scaling.sum_type
        case DoubleRounding():
            return DoubleRounding, scaling.ties
        case RationalMultiply():
            return RationalMultiply, scaling.rounding
        case Float32MultiplyAdd():
            return Float32MultiplyAdd, scaling.rounding
        case Float32Multiply() | Float64Multiply() | Thresholds():
            return type(scaling), None
        case Stages():
            return Stages, scaling.structure
        case _:
            assert_never(scaling)


def kernels_of(scalings: Sequence[Scaling]) -> list[Kernel]:
    """The kernels for the scalings of one family, the fastest first."""
    match scalings[0]:
        case MultiplyShift() | Shift() | Int16Multiply() | TosaScale():
            members = _of_shift_family(scalings)
            return [ShiftKernel(members, None), WideShiftKernel(members)]
        case MultiplyAddShift(sum_type=None):
            members = _of_shift_family(scalings)
            return [ShiftKernel(members, None), WideShiftKernel(members)]
        case MultiplyAddShift(sum_type=sum_type):
            return [ShiftKernel(_of_shift_family(scalings), sum_type)]
        case DoubleRounding(ties=ties):
            return [DoubleRoundingKernel(_of(DoubleRounding, scalings), ties)]
        case Float32Multiply():
            return [Float32Kernel(_of(Float32Multiply, scalings))]
        case Float32MultiplyAdd(rounding=rounding):
            return [Float32Kernel(_of(Float32MultiplyAdd, scalings), rounding)]
        case Float64Multiply():
            return [Float64Kernel(_of(Float64Multiply, scalings))]
        case RationalMultiply(rounding=rounding):
            return _rational_kernels(_of(RationalMultiply, scalings), rounding)
        case Thresholds():
            return [ThresholdKernel(_of(Thresholds, scalings))]
        case Stages():
            return [StagesKernel(_of(Stages, scalings))]
        case _:
            assert_never(scalings[0])


def _rational_kernels(scalings: Sequence[RationalMultiply], rounding: Rounding) -> list[Kernel]:
    """Power-of-two denominators are shifts; ties are frequent there, and a shift decides them."""
    if all(scaling.denominator.bit_count() == 1 for scaling in scalings):
        return [ShiftKernel(scalings, None), WideShiftKernel(scalings)]
    return [RationalKernel(scalings, rounding)]


def _of(kind: type[Member], scalings: Sequence[Scaling]) -> list[Member]:
    return [scaling for scaling in scalings if isinstance(scaling, kind)]


def _of_shift_family(scalings: Sequence[Scaling]) -> list[ShiftScaling]:
    return [
        s
        for s in scalings
        if isinstance(s, MultiplyShift | MultiplyAddShift | Shift | Int16Multiply | TosaScale)
    ]
