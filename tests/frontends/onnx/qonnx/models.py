# SPDX-License-Identifier: Apache-2.0
"""Small models with nodes of QONNX."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper

from intaglio.compiler.ir.graph import Array

DOMAIN = "qonnx.custom_op.general"


def node(
    op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any
) -> onnx.NodeProto:
    """One node, named after its output."""
    return helper.make_node(
        op, list(inputs), [output], name=f"{op}_{output}", domain=domain, **attributes
    )


def quantizer(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """One node of QONNX."""
    return node(op, inputs, output, DOMAIN, **attributes)


def content(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    constants: Mapping[str, Array],
    result: Sequence[int] | None = None,
    output: str = "y",
    version: int = 1,
) -> bytes:
    """A model from the float input x to one float output."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, list(shape))],
        [
            helper.make_tensor_value_info(
                output, onnx.TensorProto.FLOAT, list(shape if result is None else result)
            )
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, version)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def model_of(data: bytes) -> ir.Model:
    """What ``onnx_ir`` makes of a file."""
    return ir.from_proto(onnx.load_model_from_string(data))


def scalar(value: float) -> Array:
    """A float32 constant."""
    return np.array(value, np.float32)
