# SPDX-License-Identifier: Apache-2.0
"""What each operator does with its operands, as far as quantization cares."""

from collections.abc import Iterator

import onnx_ir as ir

from intaglio.compiler.real.editing import constant, input_at, int_attribute, sole_consumer

# Values only move: the output has the codes of the input.
MOVES = frozenset(
    {"Concat", "Flatten", "Identity", "MaxPool", "Pad", "Reshape", "Resize", "Slice", "Split"}
    | {"Squeeze", "Transpose", "Unsqueeze"}
)
# Values are chosen among operands: exact on codes that share a scale.
SELECTIONS = frozenset({"Max", "Min"})
# Operands need equal scales where a machine can't rescale them.
SUMS = frozenset({"Add", "Sub"})
# Clamps that the range of the output's codes performs by itself.
CLAMPS = frozenset({"Clip", "Relu"})
# Operators whose result is rounded once, after a clamp that follows them.
_CLAMPABLE = frozenset(
    {"Add", "AveragePool", "Conv", "ConvTranspose", "Gemm", "GlobalAveragePool", "MatMul", "Mul"}
    | {"ReduceMean", "Sub"}
)
_LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})
_ALL_INPUTS = frozenset({"Add", "Concat", "MatMul", "Max", "Min", "Mul", "Sub"})


def data_inputs(node: ir.Node) -> Iterator[tuple[int, ir.Value]]:
    """Inputs that hold activations, or constants that are treated like activations."""
    for index, value in enumerate(node.inputs):
        if value is None or (index > 0 and node.op_type not in _ALL_INPUTS):
            continue
        if not (is_weight(node, index) and constant(value) is not None):
            yield index, value


def is_weight(node: ir.Node, index: int) -> bool:
    """Whether an input holds weights, if it is constant."""
    return node.op_type == "MatMul" or (index == 1 and node.op_type in (*_LINEAR, "PRelu"))


def weight_input(node: ir.Node) -> tuple[int, ir.Value] | None:
    """The constant weights of a node, None if it has none."""
    for index, value in enumerate(node.inputs):
        if value is not None and is_weight(node, index) and constant(value) is not None:
            return index, value
    return None


def bias_input(node: ir.Node) -> ir.Value | None:
    """The bias of a node: its third input if it is a convolution or Gemm."""
    return input_at(node, 2) if node.op_type in _LINEAR else None


def weight_axis(node: ir.Node, index: int, rank: int) -> int | None:
    """The axis of a weight that holds output channels, None where there is none to scale by.

    A ConvTranspose stores ``[inputs, outputs / groups, ...]``: its groups share scales.
    """
    match node.op_type:
        case "Conv":
            return 0
        case "ConvTranspose":
            return 1
        case "Gemm":
            return 0 if int_attribute(node, "transB", 0) else 1
        case "MatMul":
            return 1 if index == 1 and rank == 2 else None
        case _:
            return None


def is_absorbed(value: ir.Value) -> bool:
    """Whether a value never becomes codes, since only a clamp reads it before it is rounded."""
    node, producer = sole_consumer(value), value.producer()
    if node is None or producer is None or node.op_type not in CLAMPS:
        return False
    if producer.op_type in _CLAMPABLE:
        return True
    source = producer.inputs[0]
    return producer.op_type in CLAMPS and source is not None and is_absorbed(source)


def is_read_for_selection(value: ir.Value) -> bool:
    """Whether only a Min or Max reads a value, so that the codes of its result count."""
    reader = sole_consumer(value)
    return reader is not None and reader.op_type in SELECTIONS


def rounded_result(node: ir.Node) -> ir.Value:
    """The value that becomes codes for a node: its output, or what clamps make of that."""
    value = node.outputs[0]
    while is_absorbed(value):
        clamp = sole_consumer(value)
        assert clamp is not None
        value = clamp.outputs[0]
    return value


def quantized_values(graph: ir.Graph) -> Iterator[ir.Value]:
    """The values that become codes, in order: inputs, then what nodes compute."""
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        if (value.uses() or value.is_graph_output()) and not is_absorbed(value):
            yield value
