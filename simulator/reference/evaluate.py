# SPDX-License-Identifier: Apache-2.0
"""Run a fixed graph by the definitions of its ops."""

from collections.abc import Mapping
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.float32 import Float32
from intaglio.simulator.engine import Observer, execute
from intaglio.simulator.reference import (
    accumulate,
    borders,
    elementwise,
    float_tail,
    pooling,
)
from intaglio.simulator.reference.containers import along_axis, floats, pack, pack_floats
from intaglio.simulator.reference.moves import move
from intaglio.simulator.reference.softmax import softmax


def run(
    graph: Graph, inputs: Mapping[str, Array], observer: Observer | None = None
) -> dict[str, Array]:
    """The outputs of a fixed graph, by name.

    Raises:
        InvalidData: the inputs don't fit the graph, a NaN is quantized, a float result isn't
            finite, or a result lies outside the type that the graph states for it.
        InvalidGraph: the graph isn't at the fixed level.
    """

    def evaluate(node: Node, op: fixed.Op, operands: tuple[Array, ...]) -> Array:
        match op:
            case fixed.Dequantize() | fixed.Float32Binary() | fixed.Float32Softmax():
                return pack_floats(_floats(node, op, operands), node.type)
            case (
                fixed.Transpose()
                | fixed.Reshape()
                | fixed.Slice()
                | fixed.Concat()
                | fixed.Pad()
                | fixed.ResizeNearest()
            ):
                return move(op, operands, node.type.shape)
            case _:
                types = graph.operand_types(node)
                return pack(node.name, _integers(node, op, operands, types), node.type)

    return execute(graph, inputs, observer, evaluate)


FloatOp = fixed.Dequantize | fixed.Float32Binary | fixed.Float32Softmax


def _floats(node: Node, op: FloatOp, operands: tuple[Array, ...]) -> list[Float32]:
    match op:
        case fixed.Dequantize():
            return borders.dequantize(op, operands[0])
        case fixed.Float32Binary():
            return float_tail.float32_binary(node.name, op, operands[0], operands[1])
        case fixed.Float32Softmax():
            x = floats(node.name, operands[0])
            return along_axis(x, node.type.shape, op.axis, float_tail.float32_softmax)
        case _:
            assert_never(op)


IntegerOp = (
    fixed.Conv2d
    | fixed.ConvTranspose2d
    | fixed.MatMul
    | fixed.ReduceSum
    | fixed.Requantize
    | fixed.Lookup
    | fixed.Pairwise
    | fixed.Add
    | fixed.Subtract
    | fixed.Multiply
    | fixed.Minimum
    | fixed.Maximum
    | fixed.Clamp
    | fixed.Cast
    | fixed.MaxPool2d
    | fixed.AveragePool2d
    | fixed.ResizeLinear
    | fixed.Softmax
    | fixed.Quantize
    | fixed.Float32Order
)


def _integers(
    node: Node, op: IntegerOp, operands: tuple[Array, ...], types: tuple[TensorType, ...]
) -> list[int]:
    x, shape = operands[0], node.type.shape
    match op:
        case fixed.Conv2d():
            return accumulate.conv2d(op, x, operands[1], _bias(operands), shape)
        case fixed.ConvTranspose2d():
            return accumulate.conv_transpose2d(op, x, operands[1], _bias(operands), shape)
        case fixed.MatMul():
            return accumulate.matmul(op, x, operands[1], _bias(operands))
        case fixed.ReduceSum():
            return accumulate.reduce_sum(op, x)
        case fixed.Requantize():
            return elementwise.requantize(op, x)
        case fixed.Lookup():
            return elementwise.lookup(x, operands[1], types[0].integer)
        case fixed.Pairwise():
            return elementwise.pairwise(op, x, operands[1])
        case fixed.Add():
            return elementwise.add(x, operands[1])
        case fixed.Subtract():
            return elementwise.subtract(x, operands[1])
        case fixed.Multiply():
            return elementwise.multiply(op, x, operands[1])
        case fixed.Minimum():
            return elementwise.minimum(x, operands[1])
        case fixed.Maximum():
            return elementwise.maximum(x, operands[1])
        case fixed.Clamp():
            return elementwise.clamp(op, x)
        case fixed.Cast():
            return elementwise.cast(op, x, node.type.integer)
        case fixed.MaxPool2d():
            return pooling.max_pool2d(op, x, shape)
        case fixed.AveragePool2d():
            return pooling.average_pool2d(op, x, shape)
        case fixed.ResizeLinear():
            return pooling.resize_linear(op, x)
        case fixed.Softmax():
            return softmax(op, x)
        case fixed.Quantize():
            return borders.quantize(node.name, op, x, node.type.integer)
        case fixed.Float32Order():
            return borders.float32_order(node.name, x)
        case _:
            assert_never(op)


def _bias(operands: tuple[Array, ...]) -> Array | None:
    return operands[2] if len(operands) > 2 else None
