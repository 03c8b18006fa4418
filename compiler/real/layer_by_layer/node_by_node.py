# SPDX-License-Identifier: Apache-2.0
"""A network that runs node by node over all samples, its values held as codes where it has them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import constant
from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.parameters import QuantizationParameters
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand
from intaglio.errors import InvalidData

UNQUANTIZED = QuantizationPlan({}, {})
"""The plan of a network that stays in float."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A value of all samples: one array for each batch, of codes where there are parameters."""

    arrays: list[Array]
    parameters: QuantizationParameters | None

    def reals(self, batch: int) -> Array:
        """The float32 numbers that one batch stands for."""
        array, parameters = self.arrays[batch], self.parameters
        if parameters is None:
            return array
        return _to_reals(array.astype(np.float32), parameters)


class NodeByNode:
    """Runs each node once for each batch, in a session of its own, before the next node runs.

    All that ``plan`` names is rounded, constants and values; a plan without activations quantizes
    the weights alone. A value is dropped after its last use; one that becomes codes is held as
    codes. Whoever steps calls ``run`` and then ``keep`` for each node in the order of the graph;
    before that, it may give the node other constants or other parameters in ``plan``.

    Args:
        model: a float model.
        plan: how it is quantized.
        batches: arrays by input name.

    Raises:
        InvalidData: a batch doesn't fit the inputs.
    """

    def __init__(self, model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds]) -> None:
        """Take in the data."""
        self._model, self._plan = model, plan
        self.batches = len(batches)
        self._values: dict[str, _Held] = {}
        self._uses = Counter(v.name for node in model.graph for v in node.inputs if v is not None)
        for value in model.graph.inputs:
            self._hold(value, [_feed(feeds, value) for feeds in batches])

    def reals(self, value: ir.Value, batch: int) -> Array:
        """A computed or fed value that a later node reads, as float32 numbers."""
        return self._values[value.name or ""].reals(batch)

    def run(self, node: ir.Node) -> list[list[Array]]:
        """What the node yields, unrounded, by output and batch; its operands may be dropped."""
        session = Session(_alone(self._model, node), optimize=False)
        constants = _constants(node, self._plan)
        results: list[list[Array]] = [[] for _ in node.outputs]
        self._uses.subtract(v.name for v in node.inputs if v is not None)
        for batch in range(self.batches):
            feeds = dict(constants)
            for index, value in enumerate(node.inputs):
                if value is not None and _input(index) not in constants:
                    feeds[_input(index)] = self.reals(value, batch)
            for arrays, array in zip(results, session.run(feeds).values(), strict=True):
                arrays.append(array)
            for value in node.inputs:
                held = None if value is None else self._values.get(value.name or "")
                if value is not None and held is not None and not self._uses[value.name]:
                    held.arrays[batch] = np.empty(0)
        return results

    def keep(self, node: ir.Node, results: Sequence[list[Array]]) -> None:
        """Hold what the node yields for the nodes that read it, rounded where ``plan`` says so."""
        for value, arrays in zip(node.outputs, results, strict=True):
            self._hold(value, arrays)

    def _hold(self, value: ir.Value, arrays: list[Array]) -> None:
        parameters = self._plan.activations.get(value.name or "")
        if parameters is not None:
            arrays = [_to_codes(array, parameters) for array in arrays]
        self._values[value.name or ""] = _Held(arrays, parameters)


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


def _to_codes(array: Array, parameters: QuantizationParameters) -> NDArray[Any]:
    """As QuantizeLinear, in float32."""
    encoding = parameters.encoding
    codes: NDArray[np.float32] = np.rint(array / np.float32(parameters.scales[0]))
    codes += np.float32(parameters.zero_points[0])
    np.clip(codes, encoding.minimum, encoding.maximum, out=codes)
    with np.errstate(invalid="ignore"):  # what isn't a number shows in the float network
        return codes.astype(_STORAGE[encoding.bits > 8, encoding.signed])


def _to_reals(codes: NDArray[np.float32], parameters: QuantizationParameters) -> Array:
    """As DequantizeLinear, in float32; works in place."""
    codes -= np.float32(parameters.zero_points[0])
    codes *= np.float32(parameters.scales[0])
    return codes


_STORAGE: Mapping[tuple[bool, bool], type[np.integer[Any]]] = {
    (False, False): np.uint8,
    (False, True): np.int8,
    (True, False): np.uint16,
    (True, True): np.int16,
}


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
