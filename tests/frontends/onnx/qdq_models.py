# SPDX-License-Identifier: Apache-2.0
"""Small QDQ models, written node by node."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

DTYPES: dict[Any, Any] = {
    np.int8: TensorProto.INT8,
    np.uint8: TensorProto.UINT8,
    np.int16: TensorProto.INT16,
    np.uint16: TensorProto.UINT16,
    np.int32: TensorProto.INT32,
}


@dataclass
class QdqModel:
    """Nodes in order; every method returns the name of the tensor it adds."""

    opset: int = 21
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list[onnx.ValueInfoProto])
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list[onnx.ValueInfoProto])
    initializers: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    widths: dict[str, int] = field(default_factory=dict[str, int])

    def float_input(self, name: str, shape: Sequence[int | str]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        return name

    def codes_input(self, name: str, shape: Sequence[int | str], dtype: Any) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, DTYPES[dtype], list(shape)))
        return name

    def array(self, name: str, array: Array | np.generic) -> str:
        if name not in [known.name for known in self.initializers]:
            self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        made = helper.make_node(op, list(inputs), [name], name=f"{name}_node", **attributes)
        self.nodes.append(made)
        return name

    def q(self, tensor: str, scale: float, zero: int = 0, dtype: Any = np.uint8) -> str:
        parameters = self.parameters(tensor, np.array(scale, np.float32), np.array(zero, dtype))
        return self.node("QuantizeLinear", [tensor, *parameters], f"{tensor}_q")

    def dq(self, codes: str, scale: float, zero: int = 0, dtype: Any = np.uint8) -> str:
        parameters = self.parameters(codes, np.array(scale, np.float32), np.array(zero, dtype))
        return self.node("DequantizeLinear", [codes, *parameters], f"{codes}_dq")

    def qdq(self, tensor: str, scale: float, zero: int = 0, dtype: Any = np.uint8) -> str:
        codes = self.q(tensor, scale, zero, dtype)
        parameters = list(self.nodes[-1].input[1:])
        return self.node("DequantizeLinear", [codes, *parameters], f"{tensor}_dq")

    def narrow(self, tensor: str, scale: float, zero: int, dtype: Any, bits: int) -> str:
        """Codes of a width that ONNX hasn't, as the project's recipes write them."""
        lowest = -(1 << (bits - 1)) if np.issubdtype(dtype, np.signedinteger) else 0
        ends = np.array([lowest, lowest + (1 << bits) - 1])
        low, high = ((ends - zero) * np.float32(scale)).astype(np.float32)
        names = [self.array(f"{tensor}_low", low), self.array(f"{tensor}_high", high)]
        clipped = self.node("Clip", [tensor, *names], f"{tensor}_clipped")
        result = self.qdq(clipped, scale, zero, dtype)
        self.widths[f"{clipped}_q"] = bits
        return result

    def constant(
        self, name: str, codes: Array, scale: Any, zero: Any = 0, axis: int | None = None
    ) -> str:
        scales = np.array(scale, np.float32)
        zeros = np.broadcast_to(np.array(zero, codes.dtype), scales.shape)
        parameters = self.parameters(name, scales, zeros)
        attributes = {} if axis is None else {"axis": axis}
        stored = self.array(name, codes)
        return self.node("DequantizeLinear", [stored, *parameters], f"{name}_dq", **attributes)

    def parameters(self, name: str, scale: Array, zero: Array) -> tuple[str, str]:
        return self.array(f"{name}_scale", scale), self.array(f"{name}_zero", zero)

    def output(
        self,
        name: str,
        type: Any = TensorProto.FLOAT,
        shape: Sequence[int | str] | None = None,
    ) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, type, shape))

    def proto(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, "small", self.inputs, self.outputs, initializer=self.initializers
        )
        domains = {node.domain for node in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(domain, 1) for domain in sorted(domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def model(self) -> ir.Model:
        model = ir.from_proto(self.proto())
        values = {value.name: value for node in model.graph for value in node.outputs}
        values |= {value.name: value for value in model.graph.initializers.values()}
        for name, bits in self.widths.items():
            values[name].metadata_props["intaglio.width"] = str(bits)
        return model
