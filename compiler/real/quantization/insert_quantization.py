# SPDX-License-Identifier: Apache-2.0
"""Write a plan into the graph as standard QuantizeLinear and DequantizeLinear nodes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import (
    Names,
    add_initializer,
    float_constant,
    remove_unused,
    take_over,
)
from intaglio.compiler.real.parameters import Encoding, QuantizationParameters
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand

WIDTH_KEY = "intaglio.width"

_STORAGE: dict[tuple[int, bool], ir.DataType] = {
    (4, True): ir.DataType.INT4,
    (4, False): ir.DataType.UINT4,
    (8, True): ir.DataType.INT8,
    (8, False): ir.DataType.UINT8,
    (16, True): ir.DataType.INT16,
    (16, False): ir.DataType.UINT16,
    (32, True): ir.DataType.INT32,
}


def insert_quantization(model: ir.Model, plan: QuantizationPlan) -> ir.Model:
    """The quantized model that ``plan`` describes.

    - A value x becomes x -> QuantizeLinear -> DequantizeLinear, read by all of x's consumers. A
      graph input stays float32 in front of its Q; a graph output is float32 after its DQ and keeps
      its name.
    - A constant becomes an integer initializer with a DequantizeLinear.
    - A width that ONNX lacks is held in the next ONNX type, with the true width in
      ``intaglio.width`` on the integer value; an activation is clipped to the codes' real range
      before its Q, since Q saturates at the storage type only. Activations take 8 or 16 bits of
      storage: ONNX Runtime 1.31 can't load a Clip in front of a 4-bit Q.

    Source: ONNX operators QuantizeLinear-21 and DequantizeLinear-21.
    """
    model = model.clone()
    writer = _Writer(model.graph, Names(model.graph))
    by_name = {v.name: v for node in model.graph for v in node.outputs}
    by_name |= {v.name: v for v in model.graph.inputs}
    for node in list(model.graph):
        for index, value in enumerate(node.inputs):
            parameters = plan.constants.get(operand(node, index))
            if value is not None and parameters is not None:
                node.replace_input_with(index, writer.constant(value, parameters))
    for name, parameters in plan.activations.items():
        writer.activation(by_name[name], parameters)
    remove_unused(model)
    return model


def storage_type(encoding: Encoding, at_least: int = 4) -> ir.DataType:
    """The smallest ONNX integer type of opset 21, from a width on, that holds the codes."""
    bits = next(width for width in (4, 8, 16, 32) if width >= max(encoding.bits, at_least))
    return _STORAGE[bits, encoding.signed]


@dataclass(frozen=True, slots=True)
class _Writer:
    graph: ir.Graph
    names: Names
    written: dict[tuple[str, QuantizationParameters], ir.Value] = field(
        default_factory=dict[tuple[str, QuantizationParameters], ir.Value]
    )

    def constant(self, value: ir.Value, parameters: QuantizationParameters) -> ir.Value:
        """The dequantized form of an initializer, made once however many nodes read it."""
        name = value.name or ""
        known = self.written.get((name, parameters))
        if known is not None:
            return known
        array = float_constant(value)
        assert array is not None
        storage = storage_type(parameters.encoding)
        codes = add_initializer(
            self.graph,
            self.names,
            f"{name}_quantized",
            parameters.quantize(array).astype(storage.numpy()),
            storage,
        )
        _note_width(codes, parameters.encoding, storage)
        node = self._node("DequantizeLinear", codes, parameters, name, storage)
        result = self._name(node, f"{name}_dequantized", ir.DataType.FLOAT, value.shape)
        first = next(iter(self.graph))
        self.graph.insert_before(first, node)
        self.written[name, parameters] = result
        return result

    def activation(self, value: ir.Value, parameters: QuantizationParameters) -> None:
        """Quantize and dequantize a value for all who read it."""
        name, storage = value.name or "", storage_type(parameters.encoding, at_least=8)
        uses, nodes, source = list(value.uses()), list[ir.Node](), value
        if _is_wider(parameters.encoding, storage):
            clip = ir.node(
                "Clip",
                [value, *self._bounds(name, parameters)],
                name=self.names.fresh(f"{name}_Clip"),
            )
            source = self._name(clip, f"{name}_clipped", ir.DataType.FLOAT, value.shape)
            nodes.append(clip)
        quantize = self._node("QuantizeLinear", source, parameters, name, storage)
        codes = self._name(quantize, f"{name}_quantized", storage, value.shape)
        _note_width(codes, parameters.encoding, storage)
        dequantize = self._node("DequantizeLinear", codes, parameters, name, storage)
        result = self._name(dequantize, f"{name}_dequantized", ir.DataType.FLOAT, value.shape)
        nodes += [quantize, dequantize]
        producer = value.producer()
        if producer is None:
            self.graph.insert_before(next(iter(self.graph)), nodes)
        else:
            self.graph.insert_after(producer, nodes)
        for use in uses:
            use.node.replace_input_with(use.idx, result)
        if value.is_graph_output():
            self._return(value, result)

    def _return(self, value: ir.Value, result: ir.Value) -> None:
        """Give the dequantized value the name of the graph output it replaces."""
        readers = list(value.uses())
        take_over(value, result)
        value.name = self.names.fresh(f"{result.name}_real")
        for use in readers:
            use.node.replace_input_with(use.idx, value)

    def _bounds(self, name: str, parameters: QuantizationParameters) -> list[ir.Value]:
        """The real numbers of the lowest and highest code, as float32."""
        encoding = parameters.encoding
        ends = np.array([encoding.minimum, encoding.maximum])
        low, high = parameters.dequantize(ends).astype(np.float32)
        return [
            add_initializer(self.graph, self.names, f"{name}_lowest", np.array(low)),
            add_initializer(self.graph, self.names, f"{name}_highest", np.array(high)),
        ]

    def _node(
        self,
        op: str,
        source: ir.Value,
        parameters: QuantizationParameters,
        name: str,
        storage: ir.DataType,
    ) -> ir.Node:
        scale, zero_point = self._scale_and_zero_point(name, parameters, storage)
        attributes = {} if parameters.axis is None else {"axis": parameters.axis}
        return ir.node(
            op, [source, scale, zero_point], attributes, name=self.names.fresh(f"{name}_{op}")
        )

    def _scale_and_zero_point(
        self, name: str, parameters: QuantizationParameters, storage: ir.DataType
    ) -> tuple[ir.Value, ir.Value]:
        scales: NDArray[Any] = np.array(parameters.scales, dtype=np.float32)
        zero_points: NDArray[Any] = np.array(parameters.zero_points).astype(storage.numpy())
        if parameters.axis is None:
            scales, zero_points = scales.reshape(()), zero_points.reshape(())
        return (
            self._parameter(f"{name}_scale", scales, ir.DataType.FLOAT),
            self._parameter(f"{name}_zero_point", zero_points, storage),
        )

    def _parameter(self, name: str, array: NDArray[Any], dtype: ir.DataType) -> ir.Value:
        """An initializer that a Q and its DQ share."""
        known = self.graph.initializers.get(name)
        if known is not None and known.const_value is not None:
            same = known.dtype == dtype and np.array_equal(known.const_value.numpy(), array)
            if same:
                return known
        return add_initializer(self.graph, self.names, name, array, dtype)

    def _name(
        self, node: ir.Node, wanted: str, dtype: ir.DataType, shape: ir.Shape | None
    ) -> ir.Value:
        value = node.outputs[0]
        value.name = self.names.fresh(wanted)
        value.type, value.shape = ir.TensorType(dtype), shape
        return value


def _is_wider(encoding: Encoding, storage: ir.DataType) -> bool:
    """Whether the storage type has codes that the encoding hasn't."""
    return encoding.bits < storage.bitwidth


def _note_width(codes: ir.Value, encoding: Encoding, storage: ir.DataType) -> None:
    if _is_wider(encoding, storage):
        codes.metadata_props[WIDTH_KEY] = str(encoding.bits)
