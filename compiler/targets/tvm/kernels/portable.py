# SPDX-License-Identifier: Apache-2.0
"""The form of every op that any machine runs."""

from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels import (
    accumulate,
    borders,
    elementwise,
    moves,
    pooling,
    softmax,
)
from intaglio.compiler.targets.tvm.kernels.scope import Scope

FORM = "portable"


def portable(scope: Scope, op: fixed.Op) -> Kernel:
    """The kernel of a node and its followers.

    Raises:
        TypeError: the op has none; ``unsupported`` names it before.
    """
    _emit(scope, op)
    return scope.function.finish(FORM)


def _emit(scope: Scope, op: fixed.Op) -> None:
    match op:
        case fixed.Conv2d():
            accumulate.conv2d(scope, op)
        case fixed.ConvTranspose2d():
            accumulate.conv_transpose2d(scope, op)
        case fixed.MatMul():
            accumulate.matmul(scope, op)
        case fixed.ReduceSum():
            accumulate.reduce_sum(scope, op)
        case fixed.Requantize() | fixed.Clamp() | fixed.Cast():
            elementwise.unary(scope)
        case fixed.Lookup():
            elementwise.lookup(scope)
        case (
            fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
        ):
            elementwise.pair(scope, op)
        case fixed.MaxPool2d():
            pooling.max_pool2d(scope, op)
        case fixed.AveragePool2d():
            pooling.average_pool2d(scope, op)
        case fixed.ResizeLinear():
            pooling.resize_linear(scope, op)
        case fixed.Softmax():
            softmax.softmax(scope, op)
        case fixed.Quantize():
            borders.quantize(scope, op)
        case fixed.Float32Order():
            borders.float32_order(scope)
        case fixed.Dequantize():
            elementwise.dequantize(scope, op)
        case fixed.Float32Binary():
            elementwise.float32_binary(scope, op)
        case fixed.Float32Softmax():
            raise TypeError("Float32Softmax has no kernel")
        case (
            fixed.Transpose()
            | fixed.Reshape()
            | fixed.Slice()
            | fixed.Concat()
            | fixed.Pad()
            | fixed.ResizeNearest()
        ):
            moves.move(scope, op)
        case _:
            assert_never(op)
