# SPDX-License-Identifier: Apache-2.0
"""Every fixed op made ready to run."""

from collections.abc import Sequence
from typing import assert_never

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.simulator.engine import trapping
from intaglio.simulator.vectorized.borders import (
    prepare_dequantize,
    prepare_float32_order,
    prepare_quantize,
)
from intaglio.simulator.vectorized.convolution import prepare_conv2d, prepare_conv_transpose2d
from intaglio.simulator.vectorized.elementwise import (
    prepare_binary,
    prepare_cast,
    prepare_clamp,
    prepare_lookup,
    prepare_requantize,
)
from intaglio.simulator.vectorized.float_tail import (
    prepare_float32_binary,
    prepare_float32_softmax,
)
from intaglio.simulator.vectorized.matmul import prepare_matmul
from intaglio.simulator.vectorized.moves import prepare_move
from intaglio.simulator.vectorized.pairwise import prepare_pairwise
from intaglio.simulator.vectorized.pooling import prepare_average_pool2d, prepare_max_pool2d
from intaglio.simulator.vectorized.prepared import Epilogue, Operand, Operands, Prepared
from intaglio.simulator.vectorized.reduction import prepare_reduce_sum
from intaglio.simulator.vectorized.resizing import prepare_resize_linear
from intaglio.simulator.vectorized.softmax import prepare_softmax
from intaglio.simulator.vectorized.words import Array, Word


def prepare_node(node: Node, op: fixed.Op, operands: Sequence[Operand]) -> Prepared:
    """Everything of a node that doesn't depend on the inputs, and how to compute the rest."""
    prepared = _prepare(node, op, operands)
    traps = isinstance(op, AccumulateOp) and op.accumulator.traps
    return _naming(node, prepared) if traps else prepared


def _naming(node: Node, prepared: Prepared) -> Prepared:
    """The same, but for the node's name in the error of a trap."""

    def compute(arrays: Operands) -> Array:
        with trapping(node):
            return prepared.compute(arrays)

    def fused(arrays: Operands, epilogue: Epilogue, dtype: Word) -> Array:
        assert prepared.fused is not None
        with trapping(node):
            return prepared.fused(arrays, epilogue, dtype)

    return Prepared(compute, prepared.interval, None if prepared.fused is None else fused)


def _prepare(node: Node, op: fixed.Op, operands: Sequence[Operand]) -> Prepared:
    shape = node.type.shape
    match op:
        case fixed.Conv2d():
            return prepare_conv2d(op, operands, shape)
        case fixed.ConvTranspose2d():
            return prepare_conv_transpose2d(op, operands, shape)
        case fixed.MatMul():
            return prepare_matmul(op, operands, shape)
        case fixed.ReduceSum():
            return prepare_reduce_sum(op, operands, shape)
        case fixed.Requantize():
            return prepare_requantize(node, op, operands)
        case fixed.Lookup():
            return prepare_lookup(node, operands)
        case fixed.Pairwise():
            return prepare_pairwise(node, op, operands)
        case fixed.Add() | fixed.Subtract() | fixed.Multiply() | fixed.Minimum() | fixed.Maximum():
            return prepare_binary(node, op, operands)
        case fixed.Clamp():
            return prepare_clamp(node, op, operands)
        case fixed.Cast():
            return prepare_cast(node, op, operands)
        case fixed.MaxPool2d():
            return prepare_max_pool2d(node, op, operands)
        case fixed.AveragePool2d():
            return prepare_average_pool2d(node, op, operands)
        case fixed.ResizeLinear():
            return prepare_resize_linear(node, op, operands)
        case fixed.Softmax():
            return prepare_softmax(node, op, operands)
        case fixed.Quantize():
            return prepare_quantize(node, op)
        case fixed.Float32Order():
            return prepare_float32_order(node)
        case fixed.Dequantize():
            return prepare_dequantize(node, op, operands)
        case fixed.Float32Binary():
            return prepare_float32_binary(node, op)
        case fixed.Float32Softmax():
            return prepare_float32_softmax(node, op)
        case (
            fixed.Transpose()
            | fixed.Reshape()
            | fixed.Slice()
            | fixed.Concat()
            | fixed.Pad()
            | fixed.ResizeNearest()
        ):
            return prepare_move(op, operands, shape)
        case _:
            assert_never(op)
