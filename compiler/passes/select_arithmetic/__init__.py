# SPDX-License-Identifier: Apache-2.0
"""Scaled graph to fixed graph: each op gets the exact arithmetic that a profile states.

The only place where a profile is read.  What comes out is self-contained: every value an integer,
every multiplier, table and clamp in the graph.
"""

from typing import assert_never, cast

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.graph import Graph, Level, Node
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds
from intaglio.compiler.passes.select_arithmetic.choices import lower_choice
from intaglio.compiler.passes.select_arithmetic.contractions import lower_contraction
from intaglio.compiler.passes.select_arithmetic.datapath import datapath_problems
from intaglio.compiler.passes.select_arithmetic.l2_normalization import lower_l2_normalization
from intaglio.compiler.passes.select_arithmetic.log_softmax import (
    lower_fixed_point_log_softmax,
)
from intaglio.compiler.passes.select_arithmetic.means import (
    lower_average_pool,
    lower_reduce_mean,
    lower_reduce_sum,
)
from intaglio.compiler.passes.select_arithmetic.pairs import lower_pair
from intaglio.compiler.passes.select_arithmetic.rescaling import lower_requantize
from intaglio.compiler.passes.select_arithmetic.resize import lower_resize_linear
from intaglio.compiler.passes.select_arithmetic.softmax import lower_softmax
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.compiler.passes.select_arithmetic.steps import lower_float32_steps
from intaglio.compiler.passes.select_arithmetic.unary import lower_prelu, lower_unary
from intaglio.errors import UnsupportedModel
from intaglio.numerics import float32
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.methods import (
    FixedPointL2NormalizationMethod,
    FixedPointLogSoftmaxMethod,
)
from intaglio.numerics.profile.profile import DequantizeMethod

__all__ = ["select_arithmetic"]


def select_arithmetic(graph: Graph, profile: Profile) -> Graph:
    """The fixed graph that computes ``graph`` in the arithmetic of ``profile``.

    Raises:
        UnsupportedModel: nodes have no arithmetic in this profile; every one is named.
        InvalidProfile: the profile has no rule for an op.
    """
    builder = Builder(graph.name, Level.FIXED, profile.name)
    state = Lowering(graph, profile, builder)
    for value in graph.inputs:
        state.names[value.name] = builder.input(value.source or value.name, value.type)
    problems: list[str] = []
    for node in graph.nodes:
        problems += datapath_problems(graph, node, profile.datapath)
        try:
            state.names[node.name] = _lower(state, node)
        except UnsupportedModel as error:
            # What follows is lowered all the same, so that every offending node is named at once.
            problems += error.problems
            stand_in = TensorType(node.type.element, node.type.shape)
            state.names[node.name] = builder.input(node.name, stand_in)
    if problems:
        raise state.unsupported(problems)
    outputs = [state.operand(name) for name in graph.outputs]
    quantizations = [graph.type_of(name).quantization for name in graph.outputs]
    stated = quantizations if any(quantizations) else ()
    return builder.finish(outputs, graph.output_sources, stated)


def _lower(state: Lowering, node: Node) -> str:
    """The name of the fixed value that stands for the scaled value ``node``."""
    op = cast(scaled.Op, node.op)
    match op:
        case scaled.Conv2d() | scaled.ConvTranspose2d() | scaled.FullyConnected() | scaled.MatMul():
            return lower_contraction(state, node, op)
        case (
            scaled.Add()
            | scaled.Subtract()
            | scaled.Multiply()
            | scaled.Minimum()
            | scaled.Maximum()
            | scaled.SquaredDifference()
        ):
            return lower_pair(state, node, op)
        case scaled.Unary():
            return lower_unary(state, node, op)
        case scaled.PRelu():
            return lower_prelu(state, node)
        case scaled.Requantize():
            return lower_requantize(state, node, op)
        case scaled.Reinterpret():
            return state.operand(node.operands[0])
        case scaled.Float32Steps():
            return lower_float32_steps(state, node, op)
        case scaled.Softmax():
            return lower_softmax(state, node, op)
        case scaled.LogSoftmax():
            return _lower_log_softmax(state, node, op)
        case scaled.L2Normalization():
            return _lower_l2_normalization(state, node, op)
        case scaled.MaxPool2d():
            return _lower_max_pool(state, node, op)
        case scaled.AveragePool2d():
            return lower_average_pool(state, node, op)
        case scaled.ReduceMean():
            return lower_reduce_mean(state, node, op)
        case scaled.ReduceSum():
            return lower_reduce_sum(state, node, op)
        case scaled.ArgMax() | scaled.ArgMin():
            return lower_choice(state, node, op)
        case scaled.ResizeLinear():
            return lower_resize_linear(state, node, op)
        case scaled.Quantize():
            return _lower_quantize(state, node)
        case scaled.Dequantize():
            return _lower_dequantize(state, node)
        case (
            scaled.Transpose()
            | scaled.Reshape()
            | scaled.Slice()
            | scaled.Concat()
            | scaled.Pad()
            | scaled.ResizeNearest()
        ):
            return _keep(state, node, op, TensorType(node.type.element, node.type.shape))
        case scaled.Float32Binary() | scaled.Float32Softmax():
            return _keep(state, node, op, TensorType(FLOAT32, node.type.shape))
        case _:
            assert_never(op)


def _keep(state: Lowering, node: Node, op: fixed.Op, type: TensorType) -> str:
    operands = [state.operand(name) for name in node.operands]
    return state.builder.node(node.name, type, op, operands, node.source)


def _lower_max_pool(state: Lowering, node: Node, op: scaled.MaxPool2d) -> str:
    quantization, element = state.result(node)
    pool = fixed.MaxPool2d(op.kernel, op.strides, op.pads, op.dilations)
    bounds = code_bounds(state.profile.bound, op.activation, quantization, element)
    operand = state.operand(node.operands[0])
    if bounds == ((element.minimum, element.maximum),):
        return state.emit(node, pool, [operand], element)
    pooled = state.emit(node, pool, [operand], element, suffix="pooled")
    clamp = fixed.Clamp(tuple(low for low, _ in bounds), tuple(high for _, high in bounds))
    return state.emit(node, clamp, [pooled], element)


def _lower_l2_normalization(state: Lowering, node: Node, op: scaled.L2Normalization) -> str:
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    rules = state.profile.softmax
    rule = state.profile.first(rules, "l2_normalization", source_element, element)
    if not isinstance(rule.method, FixedPointL2NormalizationMethod):
        raise state.refusal(node, "no formula for it in the profile", "a rule with one")
    return lower_l2_normalization(state, node, op, rule.method, source, target)


def _lower_log_softmax(state: Lowering, node: Node, op: scaled.LogSoftmax) -> str:
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    rule = state.profile.first(state.profile.softmax, "log_softmax", source_element, element)
    if not isinstance(rule.method, FixedPointLogSoftmaxMethod):
        raise state.refusal(node, "no formula for it in the profile", "a rule with one")
    return lower_fixed_point_log_softmax(state, node, op, source, target)


def _lower_quantize(state: Lowering, node: Node) -> str:
    quantization, element = state.result(node)
    rule = state.profile.quantize
    op = fixed.Quantize(quantization.scale, quantization.zero_point, rule.rounding, rule.method)
    return state.emit(node, op, [state.operand(node.operands[0])], element)


def _lower_dequantize(state: Lowering, node: Node) -> str:
    quantization, _ = state.activation(node, node.operands[0])
    type = TensorType(FLOAT32, node.type.shape)
    centred = state.profile.dequantize is DequantizeMethod.CENTRE_FIRST
    if centred or quantization.zero_point == 0:
        op = fixed.Dequantize(quantization.scale, quantization.zero_point)
        return _keep(state, node, op, type)
    operands = [state.operand(node.operands[0])]
    op = fixed.Dequantize(quantization.scale, 0)
    product = state.builder.node(f"{node.name}.product", type, op, operands, node.source)
    moved = float32.multiply(float32.from_integer(-quantization.zero_point), quantization.scale)
    addend = state.builder.constant(
        f"{node.name}.addend", TensorType(FLOAT32, ()), np.array(moved.value, np.float32)
    )
    add = fixed.Float32Binary(BinaryFunction.ADD)
    return state.builder.node(node.name, type, add, [product, addend], node.source)
