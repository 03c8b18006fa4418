# SPDX-License-Identifier: Apache-2.0
"""Run a network node by node over all samples, in float32 numbers that stand for codes."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import constant
from intaglio.compiler.real.layer_result import LayerResult
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.parameters import QuantizationParameters
from intaglio.compiler.real.plan import QuantizationPlan, operand
from intaglio.compiler.real.quantized_side import Visit
from intaglio.errors import InvalidData

UNQUANTIZED = QuantizationPlan({}, {})
"""The plan of a network that stays in float."""


def walk_in_float(
    model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds], visit: Visit
) -> None:
    """A ``QuantizedSide`` in float32: ONNX Runtime on numbers that are rounded to codes and back.

    All that ``plan`` names is rounded, constants and values; a plan without activations quantizes
    the weights alone. Every node runs once for each batch, in a session of its own, before the
    next node does; a value is dropped after its last use.

    Raises:
        InvalidData: a batch doesn't fit the inputs.
    """
    values = {
        value.name or "": [_through_codes(_feed(f, value), plan, value) for f in batches]
        for value in model.graph.inputs
    }
    uses = Counter(v.name for node in model.graph for v in node.inputs if v is not None)
    for node in model.graph:
        session = Session(_alone(model, node), optimize=False)
        constants = _constants(node, plan)
        results: list[list[Array]] = [[] for _ in node.outputs]
        uses.subtract(v.name for v in node.inputs if v is not None)
        for at in range(len(batches)):
            feeds = dict(constants)
            for index, value in enumerate(node.inputs):
                if value is not None and _input(index) not in constants:
                    feeds[_input(index)] = values[value.name or ""][at]
            for held, array in zip(results, session.run(feeds).values(), strict=True):
                held.append(array)
            for value in node.inputs:
                if value is not None and value.name in values and not uses[value.name]:
                    values[value.name][at] = np.empty(0)
        if read_linear(node) is not None:
            _show(node.outputs[0].name or "", results[0], visit)
        for value, arrays in zip(node.outputs, results, strict=True):
            values[value.name or ""] = [_through_codes(array, plan, value) for array in arrays]


def _show(name: str, arrays: list[Array], visit: Visit) -> None:
    shift = visit(name, LayerResult(arrays)).astype(np.float32)
    for array in arrays:
        array += shift.reshape(1, -1, *[1] * (array.ndim - 2))


def _feed(feeds: Feeds, value: ir.Value) -> Array:
    name = value.name or ""
    if name not in feeds:
        found = ", ".join(feeds) or "nothing"
        raise InvalidData("a batch", found, f"an array for input {name}", "name it so")
    return feeds[name]


def _constants(node: ir.Node, plan: QuantizationPlan) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for index, value in enumerate(node.inputs):
        array = constant(value)
        if array is None:
            continue
        parameters = plan.constants.get(operand(node, index))
        if parameters is not None:
            codes = parameters.quantize(array.astype(np.float64))
            array = parameters.dequantize(codes).astype(np.float32)
        found[_input(index)] = array
    return found


def _through_codes(array: Array, plan: QuantizationPlan, value: ir.Value) -> Array:
    """As QuantizeLinear and DequantizeLinear: in float32 throughout."""
    parameters: QuantizationParameters | None = plan.activations.get(value.name or "")
    if parameters is None:
        return array
    scale, zero_point = np.float32(parameters.scales[0]), np.float32(parameters.zero_points[0])
    codes: NDArray[np.float32] = np.rint(array / scale)
    codes += zero_point
    np.clip(codes, parameters.encoding.minimum, parameters.encoding.maximum, out=codes)
    codes -= zero_point
    codes *= scale
    return codes


def _input(index: int) -> str:
    return f"input_{index}"


def _alone(model: ir.Model, node: ir.Node) -> ir.Model:
    """A model of this one node, all operands being its inputs, constants too."""
    inputs = [
        None if value is None else _value(_input(index), value)
        for index, value in enumerate(node.inputs)
    ]
    outputs = [_value(f"output_{index}", value) for index, value in enumerate(node.outputs)]
    copy = ir.Node(
        node.domain, node.op_type, inputs, list(node.attributes.values()), outputs=outputs
    )
    graph = ir.Graph(
        [value for value in inputs if value is not None],
        outputs,
        nodes=[copy],
        opset_imports=dict(model.opset_imports),
        name=node.name or node.op_type,
    )
    return ir.Model(graph, ir_version=model.ir_version)


def _value(name: str, like: ir.Value) -> ir.Value:
    stored = like.const_value
    dtype = like.dtype or (ir.DataType.FLOAT if stored is None else stored.dtype)
    return ir.Value(name=name, type=ir.TensorType(dtype))
