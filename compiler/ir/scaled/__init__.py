# SPDX-License-Identifier: Apache-2.0
"""The scaled level: what a quantized model means, before any machine's arithmetic is chosen.

Each operand's and the result's float32 scales, zero points and axis are in their types.
"""

from intaglio.compiler.ir.float_tail import Float32Binary, Float32Softmax, FloatTail
from intaglio.compiler.ir.moves import Concat, Move, Pad, Reshape, ResizeNearest, Slice, Transpose
from intaglio.compiler.ir.scaled.borders import Dequantize, Quantize
from intaglio.compiler.ir.scaled.choices import ArgMax, ArgMin
from intaglio.compiler.ir.scaled.contractions import (
    Conv2d,
    ConvTranspose2d,
    FullyConnected,
    MatMul,
)
from intaglio.compiler.ir.scaled.elementwise import (
    UNBOUNDED,
    Add,
    Clip,
    L2Normalization,
    LogSoftmax,
    Maximum,
    Minimum,
    Multiply,
    PRelu,
    Reinterpret,
    Requantize,
    Softmax,
    SquaredDifference,
    Subtract,
    Unary,
    UnaryFunction,
)
from intaglio.compiler.ir.scaled.pooling import (
    AveragePool2d,
    MaxPool2d,
    ReduceMean,
    ReduceSum,
    ResizeLinear,
)
from intaglio.compiler.ir.scaled.steps import Float32Steps

Op = (
    Conv2d
    | ConvTranspose2d
    | FullyConnected
    | MatMul
    | Add
    | Subtract
    | Multiply
    | Minimum
    | Maximum
    | SquaredDifference
    | Unary
    | PRelu
    | Requantize
    | Reinterpret
    | Softmax
    | LogSoftmax
    | L2Normalization
    | MaxPool2d
    | AveragePool2d
    | ReduceMean
    | ReduceSum
    | ArgMax
    | ArgMin
    | ResizeLinear
    | Float32Steps
    | Quantize
    | Dequantize
    | Move
    | FloatTail
)

__all__ = [
    "UNBOUNDED",
    "Add",
    "ArgMax",
    "ArgMin",
    "AveragePool2d",
    "Clip",
    "Concat",
    "Conv2d",
    "ConvTranspose2d",
    "Dequantize",
    "Float32Binary",
    "Float32Softmax",
    "Float32Steps",
    "FullyConnected",
    "L2Normalization",
    "LogSoftmax",
    "MatMul",
    "MaxPool2d",
    "Maximum",
    "Minimum",
    "Multiply",
    "Op",
    "PRelu",
    "Pad",
    "Quantize",
    "ReduceMean",
    "ReduceSum",
    "Reinterpret",
    "Requantize",
    "Reshape",
    "ResizeLinear",
    "ResizeNearest",
    "Slice",
    "Softmax",
    "SquaredDifference",
    "Subtract",
    "Transpose",
    "Unary",
    "UnaryFunction",
]
