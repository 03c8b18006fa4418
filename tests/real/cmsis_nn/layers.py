# SPDX-License-Identifier: Apache-2.0
"""Layers of CMSIS-NN as fixed ops: its multipliers and shifts by the rules of the profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import ContractionRule
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import RationalMultiply
from tests.real.cmsis_nn.arithmetic import mean_rounding, scaling_of
from tests.real.cmsis_nn.case import Array

I4, I8, I16, I32 = (IntType(bits, signed=True) for bits in (4, 8, 16, 32))


@dataclass(frozen=True, slots=True)
class Plan:
    """How a layer sums and requantizes.

    Attributes:
        rule: the profile's.
        multipliers: one or one a channel.
        shifts: as many.
        zero_point: of the result.
        low: bound of the result.
        high: bound of the result.
    """

    rule: ContractionRule
    multipliers: Sequence[int]
    shifts: Sequence[int]
    zero_point: int
    low: int
    high: int

    @property
    def accumulator(self) -> IntType:
        """32 bits, or 64."""
        return IntType(self.rule.accumulator_bits, signed=True)

    @property
    def requantizers(self) -> tuple[Requantizer, ...]:
        """One or one a channel."""
        scheme = self.rule.rescale.scheme
        scalings = (
            scaling_of(scheme, multiplier, shift)
            for multiplier, shift in zip(self.multipliers, self.shifts, strict=True)
        )
        return tuple(
            Requantizer(scaling, self.zero_point, self.low, self.high) for scaling in scalings
        )


def constant(builder: Builder, name: str, array: Array, bits: int) -> str:
    """A constant."""
    return builder.constant(name, TensorType(IntType(bits, signed=True), array.shape), array)


def requantize(builder: Builder, sums: str, plan: Plan, result: IntType) -> str:
    """The codes of sums."""
    declared = TensorType(result, builder.type_of(sums).shape)
    return builder.node("codes", declared, fixed.Requantize(plan.requantizers), [sums])


def int4(packed: Array, count: int) -> Array:
    """Elements of 4 bits: the low half of a byte comes first."""
    halves = np.stack([packed << 4 >> 4, packed >> 4], axis=-1).reshape(-1)
    return halves[:count]


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of everything that slides."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]
    dilations: tuple[int, int]
    output: tuple[int, int]

    def pads_around(self, plane: Sequence[int]) -> tuple[int, int, int, int]:
        """Top, left, bottom, right: CMSIS-NN states what lies before, the output what behind."""
        behind = [
            max(0, (out - 1) * stride + (size - 1) * dilation + 1 - extent - pad)
            for out, stride, size, dilation, extent, pad in zip(
                self.output,
                self.strides,
                self.kernel,
                self.dilations,
                plane,
                self.pads,
                strict=True,
            )
        ]
        return (*self.pads, behind[0], behind[1])


def window(numbers: Mapping[str, int]) -> Window:
    """From the header, whose names are of two kinds."""

    def pair(*stems: tuple[str, str]) -> tuple[int, int]:
        rows, columns = next(each for each in stems if each[0] in numbers)
        return numbers[rows], numbers[columns]

    dilated = "DILATION_Y" in numbers
    return Window(
        pair(("FILTER_Y", "FILTER_X"), ("FILTER_H", "FILTER_W")),
        pair(("STRIDE_Y", "STRIDE_X"), ("STRIDE_H", "STRIDE_W")),
        pair(("PAD_Y", "PAD_X"), ("PADDING_H", "PADDING_W")),
        pair(("DILATION_Y", "DILATION_X")) if dilated else (1, 1),
        pair(("OUTPUT_H", "OUTPUT_W")),
    )


def convolution(
    builder: Builder,
    x: str,
    weights: str,
    bias: str | None,
    slide: Window,
    groups: int,
    input_zero_point: int,
    plan: Plan,
    transposed: bool = False,
) -> str:
    """A convolution, or a transposed one; weights are OHWI."""
    declared = builder.type_of(x)
    outputs = builder.type_of(weights).shape[0]
    sums = TensorType(plan.accumulator, (declared.shape[0], *slide.output, outputs))
    operands = [x, weights] if bias is None else [x, weights, bias]
    if transposed:
        op: fixed.Op = fixed.ConvTranspose2d(
            Accumulator(plan.accumulator),
            slide.strides,
            (*slide.pads, *_cropped(declared.shape[1:3], slide)),
            slide.dilations,
            input_zero_point=input_zero_point,
        )
    else:
        op = fixed.Conv2d(
            Accumulator(plan.accumulator),
            slide.strides,
            slide.pads_around(declared.shape[1:3]),
            slide.dilations,
            groups,
            input_zero_point,
            pad_value=input_zero_point,
        )
    return requantize(builder, builder.node("sums", sums, op, operands), plan, declared.integer)


def _cropped(plane: Sequence[int], slide: Window) -> tuple[int, int]:
    """What a transposed convolution computes beyond its output, below and to the right."""
    rows, columns = (
        max(0, (extent - 1) * stride + (size - 1) * dilation + 1 - pad - out)
        for extent, stride, size, dilation, pad, out in zip(
            plane,
            slide.strides,
            slide.kernel,
            slide.dilations,
            slide.pads,
            slide.output,
            strict=True,
        )
    )
    return rows, columns


def dense(
    builder: Builder, x: str, weights: Array, bits: int, bias: Array | None, zero: int, plan: Plan
) -> str:
    """A fully connected layer; weights are ``[N, K]``."""
    declared = builder.type_of(x)
    operands = [x, constant(builder, "weights", weights.T, bits)]
    if bias is not None:
        operands.append(constant(builder, "bias", bias, plan.accumulator.bits))
    sums = TensorType(plan.accumulator, (declared.shape[0], weights.shape[0]))
    op = fixed.MatMul(Accumulator(plan.accumulator), left_zero_point=zero)
    return requantize(builder, builder.node("sums", sums, op, operands), plan, declared.integer)


def average_pool(builder: Builder, x: str, slide: Window, low: int, high: int) -> str:
    """The mean of the codes in the plane."""
    declared = builder.type_of(x)
    rounding = mean_rounding(declared.integer)
    shape = (declared.shape[0], *slide.output, declared.shape[3])
    rows, columns = slide.kernel
    by_count = tuple(
        Requantizer(RationalMultiply(1, count, rounding), 0, low, high)
        for count in range(1, rows * columns + 1)
    )
    arithmetic = fixed.RequantizedSum(0, by_count)
    pads = slide.pads_around(declared.shape[1:3])
    op = fixed.AveragePool2d(arithmetic, slide.kernel, slide.strides, pads)
    return builder.node("codes", TensorType(declared.integer, shape), op, [x])


def max_pool(builder: Builder, x: str, slide: Window, low: int, high: int) -> str:
    """The largest code in the plane, clamped."""
    declared = builder.type_of(x)
    result = TensorType(declared.integer, (declared.shape[0], *slide.output, declared.shape[3]))
    pads = slide.pads_around(declared.shape[1:3])
    largest = builder.node(
        "largest", result, fixed.MaxPool2d(slide.kernel, slide.strides, pads), [x]
    )
    return builder.node("codes", result, fixed.Clamp((low,), (high,)), [largest])
