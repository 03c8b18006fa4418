# SPDX-License-Identifier: Apache-2.0
"""What a QDQ model turns into codes, under the names of the float network behind it."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import constant, input_at, int_attribute, sole_consumer
from intaglio.compiler.real.parameters import Encoding, QuantizationParameters
from intaglio.compiler.real.quantization.insert_quantization import WIDTH_KEY
from intaglio.compiler.real.roles import CLAMPS, SELECTIONS, is_weight, weight_axis

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Activation:
    """A value that becomes codes.

    Attributes:
        name: of the real value, in the float network.
        real: of the same value, in the quantized one.
        codes: the name of the value that holds the codes.
        op: what computes the value, "input" where it is fed.
        parameters: its codes; one scale for the tensor.
    """

    name: str
    real: str
    codes: str
    op: str
    parameters: QuantizationParameters


@dataclass(frozen=True, slots=True, eq=False)
class StoredOperand:
    """A constant that is stored as codes, and read by one input of one node.

    Attributes:
        index: which input.
        codes: as stored.
        parameters: what they stand for.
        channel_axis: the axis of output channels; None where there is none.
    """

    index: int
    codes: Codes
    parameters: QuantizationParameters
    channel_axis: int | None

    @property
    def reals(self) -> NDArray[np.float64]:
        """The numbers that the codes stand for, exactly."""
        return self.parameters.dequantize(self.codes)


@dataclass(frozen=True, slots=True)
class Layer:
    """A node with constants in codes.

    Attributes:
        output: the value that it computes, in the float network.
        node: its name.
        op: its kind.
        result: the first value behind it that becomes codes, None if there is none.
        operands: the constants; the weights come first.
    """

    output: str
    node: str
    op: str
    result: str | None
    operands: tuple[StoredOperand, ...]


@dataclass(frozen=True, slots=True)
class QuantizedNetwork:
    """The codes of a model, in the order of its nodes."""

    model: ir.Model
    activations: tuple[Activation, ...]
    layers: tuple[Layer, ...]


def read_quantized(model: ir.Model) -> QuantizedNetwork:
    """Find the codes of a QDQ model; what is written in other ways isn't found.

    What a Min or Max with a constant alone reads has codes in the file, which are clamped before
    anything else is made of them: it is neither an activation, nor is the constant a layer.
    """
    activations: dict[str, Activation] = {}
    layers: list[Layer] = []
    for node in model.graph:
        if node.op_type == "QuantizeLinear":
            found = None if _clamp_behind(node) is not None else _activation(node)
            if found is not None:
                activations.setdefault(found.name, found)
        elif node.op_type != "DequantizeLinear" and node.op_type not in SELECTIONS:
            operands = [o for i in range(len(node.inputs)) if (o := _stored(node, i)) is not None]
            if operands:
                layers.append(_layer(node, operands))
    return QuantizedNetwork(model, tuple(activations.values()), tuple(layers))


def _layer(node: ir.Node, operands: list[StoredOperand]) -> Layer:
    output = node.outputs[0]
    name = float_name(output)
    weights_first = sorted(operands, key=lambda one: not is_weight(node, one.index))
    return Layer(name, node.name or name, node.op_type, _result(output), tuple(weights_first))


def with_codes_returned(network: QuantizedNetwork) -> ir.Model:
    """The model that returns the codes of every activation as well."""
    copy = network.model.clone()
    returned = {value.name for value in copy.graph.outputs}
    wanted = {activation.codes for activation in network.activations} - returned
    for node in copy.graph:
        copy.graph.outputs.extend(value for value in node.outputs if value.name in wanted)
    return copy


def float_name(value: ir.Value) -> str:
    """What the float network calls a value.

    A value that the network returns has left its name to its dequantized form.
    """
    quantize = _quantizer(value)
    for use in () if quantize is None else quantize.outputs[0].uses():
        result = use.node.outputs[0]
        if use.node.op_type == "DequantizeLinear" and result.is_graph_output():
            return result.name or ""
    return value.name or ""


def _activation(node: ir.Node) -> Activation | None:
    source, codes = node.inputs[0], node.outputs[0]
    parameters = _parameters(node, codes)
    if source is None or constant(source) is not None:
        return None
    if parameters is None or len(parameters.scales) != 1:
        return None
    producer = source.producer()
    if producer is not None and _is_width_clip(producer) and producer.inputs[0] is not None:
        source = producer.inputs[0]
        producer = source.producer()
    op = "input" if producer is None else producer.op_type
    return Activation(float_name(source), source.name or "", codes.name or "", op, parameters)


def _stored(node: ir.Node, index: int) -> StoredOperand | None:
    value = node.inputs[index]
    reader = None if value is None else value.producer()
    if reader is None or reader.op_type != "DequantizeLinear":
        return None
    codes = constant(reader.inputs[0])
    parameters = None if reader.inputs[0] is None else _parameters(reader, reader.inputs[0])
    if codes is None or parameters is None:
        return None
    weight = is_weight(node, index)
    axis = weight_axis(node, index, codes.ndim) if weight else parameters.axis
    return StoredOperand(index, codes.astype(np.int64), parameters, axis)


def _parameters(node: ir.Node, codes: ir.Value) -> QuantizationParameters | None:
    """The scales of a Q or DQ; None where they are computed or given by blocks."""
    scale, zero = constant(node.inputs[1]), constant(input_at(node, 2))
    if scale is None or codes.dtype is None or int_attribute(node, "block_size", 0):
        return None
    stored = codes.dtype.bitwidth
    bits = int(codes.metadata_props.get(WIDTH_KEY, stored))
    scales = tuple(float(s) for s in scale.ravel())
    zeros = (0,) * len(scales) if zero is None else tuple(int(z) for z in zero.ravel())
    rank = None if codes.shape is None else len(codes.shape)
    axis = None
    if scale.size > 1:
        axis = int_attribute(node, "axis", 1)
        axis = axis + rank if axis < 0 and rank is not None else axis
    return QuantizationParameters(Encoding(bits, codes.dtype.is_signed()), scales, zeros, axis)


def _is_width_clip(node: ir.Node) -> bool:
    """Whether a Clip only holds values within the codes of a width that ONNX lacks."""
    reader = sole_consumer(node.outputs[0])
    return (
        node.op_type == "Clip"
        and reader is not None
        and reader.op_type == "QuantizeLinear"
        and WIDTH_KEY in reader.outputs[0].metadata_props
    )


def _result(value: ir.Value) -> str | None:
    """The name of the value that ``value`` becomes codes as, behind the clamps that follow it."""
    quantize = _quantizer(value)
    if quantize is not None:
        clamp = _clamp_behind(quantize)
        return float_name(value) if clamp is None else _result(clamp.outputs[0])
    reader = sole_consumer(value)
    if reader is None or reader.op_type not in CLAMPS | SELECTIONS:
        return None
    return _result(reader.outputs[0])


def _quantizer(value: ir.Value) -> ir.Node | None:
    """The QuantizeLinear that reads a value, perhaps through the clip of its width."""
    for use in value.uses():
        if use.node.op_type == "QuantizeLinear" and use.idx == 0:
            return use.node
        if _is_width_clip(use.node):
            return sole_consumer(use.node.outputs[0])
    return None


def _clamp_behind(quantize: ir.Node) -> ir.Node | None:
    """The Min or Max with a constant that alone reads these codes, dequantized."""
    dequantize = sole_consumer(quantize.outputs[0])
    reader = None if dequantize is None else sole_consumer(dequantize.outputs[0])
    if reader is None or reader.op_type not in SELECTIONS:
        return None
    others = [
        index
        for index, value in enumerate(reader.inputs)
        if value is not None and value.producer() is not dequantize
    ]
    constants = all(
        constant(reader.inputs[index]) is not None or _stored(reader, index) is not None
        for index in others
    )
    return reader if constants else None
