# SPDX-License-Identifier: Apache-2.0
"""How many operands an op takes."""

from typing import assert_never

from intaglio.compiler.ir import fixed, moves, scaled
from intaglio.compiler.ir.graph import AnyOp

ANY_NUMBER = 1 << 16


def operand_counts(op: AnyOp) -> range:
    """The numbers of operands that the op can have."""
    match op:
        case moves.Concat():
            return range(1, ANY_NUMBER)
        case (
            scaled.Conv2d()
            | scaled.ConvTranspose2d()
            | scaled.FullyConnected()
            | fixed.Conv2d()
            | fixed.ConvTranspose2d()
            | fixed.MatMul()
        ):
            return range(2, 4)
        case (
            scaled.MatMul()
            | scaled.Add()
            | scaled.Subtract()
            | scaled.Multiply()
            | scaled.Minimum()
            | scaled.Maximum()
            | scaled.SquaredDifference()
            | scaled.PRelu()
            | fixed.Lookup()
            | fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
            | fixed.Float32Binary()
        ):
            return range(2, 3)
        case (
            scaled.Unary()
            | scaled.Requantize()
            | scaled.Reinterpret()
            | scaled.Softmax()
            | scaled.LogSoftmax()
            | scaled.L2Normalization()
            | scaled.MaxPool2d()
            | scaled.AveragePool2d()
            | scaled.ReduceMean()
            | scaled.ReduceSum()
            | scaled.ArgMax()
            | scaled.ArgMin()
            | scaled.ResizeLinear()
            | scaled.Float32Steps()
            | scaled.Quantize()
            | scaled.Dequantize()
            | fixed.ReduceSum()
            | fixed.Requantize()
            | fixed.Clamp()
            | fixed.Cast()
            | fixed.MaxPool2d()
            | fixed.AveragePool2d()
            | fixed.ResizeLinear()
            | fixed.Softmax()
            | fixed.Quantize()
            | fixed.Float32Order()
            | fixed.Dequantize()
            | fixed.Float32Softmax()
            | moves.Transpose()
            | moves.Reshape()
            | moves.Slice()
            | moves.Pad()
            | moves.ResizeNearest()
        ):
            return range(1, 2)
        case _:
            assert_never(op)
