# SPDX-License-Identifier: Apache-2.0
"""The same quantized network for LiteRT: a scaled graph as operators of the .tflite format.

Codes of u8 become int8, 128 lower, with their zero point: TFLite has weights by channel for int8
alone.  Planes lie channels-last, as LiteRT wants them, so that the transposes of a channels-first
model vanish.  The adapter packs the file, since its environment has LiteRT's schema.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from intaglio.compiler.ir import moves, scaled
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.types import FLOAT32, TensorType

Options = dict[str, int]

CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
SAME, VALID = 0, 1
ACTIVATIONS: dict[tuple[tuple[float, ...], tuple[float, ...]], int] = {
    ((), ()): 0,
    ((0.0,), ()): 1,
    ((0.0,), (6.0,)): 3,
}
"""NONE, RELU and RELU6 by their bounds."""


class NoCounterpart(Exception):
    """A node that this writer has no TFLite operator for; the words say which."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of the file; operands and result are numbers of tensors."""

    kind: str
    operands: tuple[int, ...]
    result: int
    options_type: str
    options: Options


def write_network(graph: Graph, path: Path) -> None:
    """Write the npz that the adapter packs.

    Raises:
        NoCounterpart: a node isn't among those that this writer knows.
    """
    writer = _Writer(graph)
    for node in graph.nodes:
        writer.write(node)
    network = {
        "tensors": [asdict(tensor) for tensor in writer.tensors],
        "operators": [asdict(operator) for operator in writer.operators],
        "inputs": [writer.numbers[value.name] for value in graph.inputs],
        "outputs": [writer.numbers[name] for name in graph.outputs],
    }
    constants: dict[str, Any] = {
        f"constant.{number}": array for number, array in writer.constants.items()
    }
    np.savez(path, network=np.array(json.dumps(network)), **constants)


@dataclass
class _Writer:
    """What is written so far; ``first`` names the values that the graph holds channels-first."""

    graph: Graph
    tensors: list[Tensor] = field(default_factory=list[Tensor])
    operators: list[Operator] = field(default_factory=list[Operator])
    constants: dict[int, Array] = field(default_factory=dict[int, Array])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    first: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        for value in self.graph.inputs:
            if value.type.rank == 4:
                self.first.add(value.name)
            self.numbers[value.name] = self.value(value.name, value.type, value.name in self.first)

    def value(self, name: str, declared: TensorType, channels_first: bool) -> int:
        """A computed tensor."""
        shape = declared.shape
        if channels_first:
            shape = tuple(shape[axis] for axis in CHANNELS_LAST)
        if declared.element == FLOAT32:
            return self.add(Tensor(name, shape, "float32"))
        lower = 0 if declared.integer.signed else 128
        quantization = declared.scaled
        scales, point = (quantization.scale.value,), quantization.zero_point - lower
        return self.add(Tensor(name, shape, "int8", scales, (point,)))

    def add(self, tensor: Tensor, array: Array | None = None) -> int:
        """A tensor's number."""
        self.tensors.append(tensor)
        if array is not None:
            self.constants[len(self.tensors) - 1] = array
        return len(self.tensors) - 1

    def weights(self, name: str, array: Array, axis: int) -> int:
        """A constant with a scale for each index of an axis."""
        quantization = self.graph.type_of(name).scaled
        scales = tuple(scale.value for scale in quantization.scales)
        zeros = (0,) * len(scales)
        held = np.ascontiguousarray(array, np.int8 if array.ndim > 1 else np.int32)
        return self.add(Tensor(name, held.shape, str(held.dtype), scales, zeros, axis), held)

    def integers(self, values: Any) -> int:
        """A list of plain integers."""
        array = np.array(values, np.int32)
        return self.add(Tensor("integers", array.shape, "int32"), array)

    def constant(self, name: str) -> Array:
        """The array of a constant operand."""
        found = self.graph.constant(name)
        if found is None:
            raise NoCounterpart(f"{name} isn't constant")
        return found.array

    def emit(self, node: Node, kind: str, operands: list[int], options: str, **given: int) -> None:
        """An operator whose result is the node's value; it keeps the layout of its operand."""
        moved = node.operands[0] in self.first and node.type.rank == 4
        if moved:
            self.first.add(node.name)
        result = self.value(node.name, node.type, moved)
        self.numbers[node.name] = result
        self.operators.append(Operator(kind, tuple(operands), result, options, dict(given)))

    def write(self, node: Node) -> None:
        """The operators of a node."""
        x = self.numbers[node.operands[0]]
        match node.op:
            case moves.Transpose(permutation=permutation):
                self.transpose(node, permutation)
            case scaled.Quantize():
                self.emit(node, "QUANTIZE", [x], "QuantizeOptions")
            case scaled.Dequantize():
                self.emit(node, "DEQUANTIZE", [x], "DequantizeOptions")
            case scaled.Conv2d() as op:
                self.convolution(node, op, x)
            case scaled.FullyConnected() as op:
                weights = self.weights(node.operands[1], self.constant(node.operands[1]).T, 0)
                bias = self.bias(node)
                self.emit(
                    node,
                    "FULLY_CONNECTED",
                    [x, weights, bias],
                    "FullyConnectedOptions",
                    fusedActivationFunction=_activation(op.activation),
                )
            case scaled.Add() as op:
                y = self.numbers[node.operands[1]]
                activation = _activation(op.activation)
                self.emit(node, "ADD", [x, y], "AddOptions", fusedActivationFunction=activation)
            case scaled.ReduceMean(axes=axes, keep_dimensions=keep):
                self.mean(node, x, axes, keep)
            case scaled.AveragePool2d() as op if op.pads == (0, 0, 0, 0):
                self.average(node, op, x)
            case moves.Reshape():
                shape = self.integers(node.type.shape)
                self.emit(node, "RESHAPE", [x, shape], "ReshapeOptions")
            case moves.Slice(starts=starts, steps=steps):
                self.slice(node, x, starts, steps)
            case moves.Pad(before=before, after=after, mode=moves.PadMode.CONSTANT):
                pairs = self.integers(self.ordered(node, tuple(zip(before, after, strict=True))))
                self.emit(node, "PAD", [x, pairs], "PadOptions")
            case _:
                raise NoCounterpart(f"{node.name} is a {type(node.op).__name__}")

    def ordered(self, node: Node, by_axis: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the graph gives by axis, in the order of the axes in the file."""
        if node.operands[0] not in self.first:
            return by_axis
        return tuple(by_axis[axis] for axis in CHANNELS_LAST)

    def transpose(self, node: Node, permutation: tuple[int, ...]) -> None:
        """A change of layout is none in the file."""
        first = node.operands[0] in self.first
        if permutation != (CHANNELS_LAST if first else CHANNELS_FIRST):
            raise NoCounterpart(f"{node.name} is a Transpose of more than the layout")
        self.numbers[node.name] = self.numbers[node.operands[0]]
        if not first:
            self.first.add(node.name)

    def mean(self, node: Node, x: int, axes: tuple[int, ...], keep: bool) -> None:
        """A mean over axes."""
        self.emit(node, "MEAN", [x, self.integers(axes)], "ReducerOptions", keepDims=keep)

    def average(self, node: Node, op: scaled.AveragePool2d, x: int) -> None:
        """A pool, which keeps the scale in TFLite, and a change of scale."""
        given = self.tensors[x]
        shape = node.type.shape
        pooled = self.add(replace(given, name=f"{node.name}.pooled", shape=shape))
        options = {
            "padding": VALID,
            "filterHeight": op.kernel[0],
            "filterWidth": op.kernel[1],
            "strideH": op.strides[0],
            "strideW": op.strides[1],
            "fusedActivationFunction": _activation(op.activation),
        }
        self.operators.append(Operator("AVERAGE_POOL_2D", (x,), pooled, "Pool2DOptions", options))
        self.emit(node, "QUANTIZE", [pooled], "QuantizeOptions")

    def slice(self, node: Node, x: int, starts: tuple[int, ...], steps: tuple[int, ...]) -> None:
        """A slice with steps."""
        extents = zip(starts, steps, node.type.shape, strict=True)
        ends = tuple(start + step * (extent - 1) + 1 for start, step, extent in extents)
        lists = [self.integers(self.ordered(node, each)) for each in (starts, ends, steps)]
        self.emit(node, "STRIDED_SLICE", [x, *lists], "StridedSliceOptions")

    def bias(self, node: Node) -> int:
        """The bias, which every network here has."""
        if len(node.operands) < 3:
            raise NoCounterpart(f"{node.name} has no bias")
        return self.weights(node.operands[2], self.constant(node.operands[2]), 0)

    def convolution(self, node: Node, op: scaled.Conv2d, x: int) -> None:
        """A convolution; pads that aren't TensorFlow's become an operator of their own."""
        kernel = self.graph.type_of(node.operands[1]).shape[1:3]
        _, rows, columns, channels = self.tensors[x].shape
        padding = VALID if op.pads == (0, 0, 0, 0) else SAME
        if padding == SAME and op.pads != _same_pads((rows, columns), kernel, op):
            x, padding = self.padded(x, op.pads), VALID
        options: Options = {
            "padding": padding,
            "strideH": op.strides[0],
            "strideW": op.strides[1],
            "dilationHFactor": op.dilations[0],
            "dilationWFactor": op.dilations[1],
            "fusedActivationFunction": _activation(op.activation),
        }
        weights = self.constant(node.operands[1])
        if op.groups == 1:
            held, kind, record = self.weights(node.operands[1], weights, 0), "CONV_2D", "Conv2D"
        elif op.groups == channels:
            held = self.weights(node.operands[1], weights.transpose(3, 1, 2, 0), 3)
            kind, record = "DEPTHWISE_CONV_2D", "DepthwiseConv2D"
            options["depthMultiplier"] = weights.shape[0] // channels
        else:
            raise NoCounterpart(f"{node.name} has {op.groups} groups")
        operands = [x, held, self.bias(node)]
        self.emit(node, kind, operands, f"{record}Options", **options)

    def padded(self, x: int, pads: tuple[int, int, int, int]) -> int:
        """A plane with its zero point around it."""
        top, left, bottom, right = pads
        given = self.tensors[x]
        batch, rows, columns, channels = given.shape
        shape = (batch, rows + top + bottom, columns + left + right, channels)
        pairs = self.integers([(0, 0), (top, bottom), (left, right), (0, 0)])
        result = self.add(
            Tensor(f"{given.name}.padded", shape, "int8", given.scales, given.zero_points)
        )
        self.operators.append(Operator("PAD", (x, pairs), result, "PadOptions", {}))
        return result


def _activation(clip: scaled.Clip) -> int:
    bounds = (
        tuple(low.value for low in clip.low),
        tuple(high.value for high in clip.high),
    )
    if bounds not in ACTIVATIONS:
        raise NoCounterpart(f"an activation is bounded by {bounds}")
    return ACTIVATIONS[bounds]


def _same_pads(
    plane: tuple[int, int], kernel: tuple[int, ...], op: scaled.Conv2d
) -> tuple[int, int, int, int]:
    """TensorFlow's: as many results as strides, what is odd lies behind."""
    totals = [
        max((-(-extent // stride) - 1) * stride + (size - 1) * dilation + 1 - extent, 0)
        for extent, size, stride, dilation in zip(
            plane, kernel, op.strides, op.dilations, strict=True
        )
    ]
    (top, left), (bottom, right) = (
        [total // 2 for total in totals],
        [total - total // 2 for total in totals],
    )
    return top, left, bottom, right
