# SPDX-License-Identifier: Apache-2.0
"""Small networks with large planes: what random graphs are too small to reach."""

from dataclasses import replace

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d, Requantize
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics import IntType, MultiplyShift, Requantizer, Rounding
from intaglio.numerics.accumulator import Accumulator

U8, I8, I32 = IntType(8, signed=False), IntType(8, signed=True), IntType(32, signed=True)

Shape = tuple[int, ...]


def convolution(
    op: Conv2d | ConvTranspose2d, x: Shape, weights: Array, y: Shape, bias: Array | None = None
) -> Graph:
    """Input ``x`` of u8, the convolution ``acc`` of i8 weights, a requantizer a channel ``y``."""
    builder = Builder("convolution", Level.FIXED)
    operands = [
        builder.input("x", TensorType(U8, x)),
        builder.constant("w", TensorType(I8, weights.shape), weights),
    ]
    if bias is not None:
        operands.append(builder.constant("b", TensorType(I32, bias.shape), bias))
    accumulator = builder.node("acc", TensorType(op.accumulator.type, y), op, operands)
    requantizers = tuple(
        Requantizer(MultiplyShift(30001 + 1000 * o, 22, Rounding.HALF_EVEN), 7, 0, 255)
        for o in range(y[-1])
    )
    codes = builder.node("y", TensorType(U8, y), Requantize(requantizers), [accumulator])
    return builder.finish([codes])


def chain(length: int, side: int) -> Graph:
    """A chain of 1 x 1 convolutions of 8 channels, each followed by a requantizer."""
    builder = Builder("chain", Level.FIXED)
    type = TensorType(U8, (1, side, side, 8))
    value = builder.input("x", type)
    requantize = Requantize((Requantizer(MultiplyShift(3, 10, Rounding.HALF_EVEN), 0, 0, 255),))
    for index in range(length):
        weights = np.roll(np.arange(-20, 44), index).reshape(8, 1, 1, 8)
        constant = builder.constant("w", TensorType(I8, weights.shape), weights)
        op = Conv2d(Accumulator(I32))
        value = builder.node("acc", replace(type, element=I32), op, [value, constant])
        value = builder.node("y", type, requantize, [value])
    return builder.finish([value])
