# SPDX-License-Identifier: Apache-2.0
"""The fixed level: what a machine does.  Every value is an integer, nothing left to interpret."""

from intaglio.compiler.ir.fixed.accumulate import (
    Conv2d,
    ConvTranspose2d,
    MatMul,
    ReduceSum,
)
from intaglio.compiler.ir.fixed.borders import Dequantize, Float32Order, Quantize
from intaglio.compiler.ir.fixed.elementwise import (
    Add,
    Cast,
    Clamp,
    Lookup,
    Maximum,
    Minimum,
    Multiply,
    Pairwise,
    Requantize,
    Subtract,
)
from intaglio.compiler.ir.fixed.pooling import (
    AveragePool2d,
    Float32Average,
    MaxPool2d,
    PoolArithmetic,
    RequantizedSum,
    ResizeLinear,
)
from intaglio.compiler.ir.fixed.softmax import (
    FixedPointSoftmax,
    Float32TableSoftmax,
    IntegerTableSoftmax,
    Softmax,
    SoftmaxAlgorithm,
    SoftmaxNormalization,
)
from intaglio.compiler.ir.float_tail import Float32Binary, Float32Softmax, FloatTail
from intaglio.compiler.ir.moves import Concat, Move, Pad, Reshape, ResizeNearest, Slice, Transpose

Op = (
    Conv2d
    | ConvTranspose2d
    | MatMul
    | ReduceSum
    | Requantize
    | Lookup
    | Pairwise
    | Add
    | Subtract
    | Multiply
    | Minimum
    | Maximum
    | Clamp
    | Cast
    | MaxPool2d
    | AveragePool2d
    | ResizeLinear
    | Softmax
    | Quantize
    | Float32Order
    | Dequantize
    | Move
    | FloatTail
)

__all__ = [
    "Add",
    "AveragePool2d",
    "Cast",
    "Clamp",
    "Concat",
    "Conv2d",
    "ConvTranspose2d",
    "Dequantize",
    "FixedPointSoftmax",
    "Float32Average",
    "Float32Binary",
    "Float32Order",
    "Float32Softmax",
    "Float32TableSoftmax",
    "IntegerTableSoftmax",
    "Lookup",
    "MatMul",
    "MaxPool2d",
    "Maximum",
    "Minimum",
    "Multiply",
    "Op",
    "Pad",
    "Pairwise",
    "PoolArithmetic",
    "Quantize",
    "ReduceSum",
    "Requantize",
    "RequantizedSum",
    "Reshape",
    "ResizeLinear",
    "ResizeNearest",
    "Slice",
    "Softmax",
    "SoftmaxAlgorithm",
    "SoftmaxNormalization",
    "Subtract",
    "Transpose",
]
