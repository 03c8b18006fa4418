# SPDX-License-Identifier: Apache-2.0
"""How much an error in each channel of a value counts in the linear operations that read it."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import constant, int_attribute
from intaglio.compiler.real.linear import Linear, read_linear
from intaglio.compiler.real.parameters import Reals
from intaglio.compiler.real.roles import data_inputs

# Each output channel follows from the input channel of the same index.
_OF_ONE = frozenset(
    {"AveragePool", "Clip", "Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "LeakyRelu"}
    | {"MaxPool", "PRelu", "Pad", "ReduceMean", "Relu", "Resize", "Sigmoid", "Tanh"}
)
_OF_TWO = frozenset({"Add", "Max", "Min", "Mul", "Sub"})
_RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})


def consumer_weights(graph: ir.Graph) -> dict[str, Reals]:
    """For each float value with channels (axis 1) what a squared error of a channel costs.

    w_c = sum over the linear operations that read channel c, directly or through pools, moves and
    elementwise functions that keep channels apart, of the squared norm of their weights on c.
    Slopes of functions are left out. A reader whose cost isn't known (a softmax, the graph's
    output) counts as much as the others do on average, on each channel alike; where no cost is
    known all are 1.

    Returns:
        ``[C]`` by value name; values whose channels aren't known have no entry.
    """
    found: dict[ir.Value, Reals] = {}
    parts: dict[ir.Value, list[Reals | None]] = {}
    for node in reversed(list(graph)):
        for output in node.outputs:
            _settle(output, parts.pop(output, []), found)
        for index, value in data_inputs(node):
            if constant(value) is None:
                parts.setdefault(value, []).append(_cost(node, index, value, found))
    for value in graph.inputs:
        _settle(value, parts.pop(value, []), found)
    return {value.name or "": weights for value, weights in found.items()}


def squared_norms(linear: Linear, worth: Reals | None = None) -> Reals:
    """Of the weights on each input channel, ``[inputs]``.

    Args:
        linear: the layer.
        worth: what a squared error of each output costs, ``[outputs]``; None for 1.
    """
    squares: Reals = np.square(linear.weight).sum(axis=tuple(range(2, linear.weight.ndim)))
    grouped = squares.reshape(linear.groups, -1, squares.shape[1])
    outputs = np.ones(linear.outputs) if worth is None else worth
    norms: Reals = np.einsum("goc,go->gc", grouped, outputs.reshape(linear.groups, -1))
    return norms.ravel()


def _settle(value: ir.Value, parts: list[Reals | None], found: dict[ir.Value, Reals]) -> None:
    channels = _channels(value)
    if channels is None:
        return
    known = [part for part in parts if part is not None]
    total: Reals = np.sum(known, axis=0) if known else np.zeros(channels)
    level = float(total.mean()) / max(len(known), 1)
    unknown = len(parts) - len(known) + int(value.is_graph_output())
    weights = total + unknown * level
    found[value] = weights if weights.any() else np.ones(channels)


def _cost(node: ir.Node, index: int, value: ir.Value, found: dict[ir.Value, Reals]) -> Reals | None:
    channels = _channels(value)
    if channels is None:
        return None
    if index == 0:
        linear = read_linear(node)
        if linear is not None:
            return squared_norms(linear) if linear.inputs == channels else None
    result = found.get(node.outputs[0])
    if result is None:
        return None
    if node.op_type == "Concat":
        return _part_of_concat(node, index, channels, result)
    if not _keeps_channels(node, value) or result.size % channels:
        return None
    summed: Reals = result.reshape(channels, -1).sum(axis=1)
    return summed


def _part_of_concat(node: ir.Node, index: int, channels: int, result: Reals) -> Reals | None:
    value = node.outputs[0]
    axis = int_attribute(node, "axis", 0)
    if value.shape is None or axis % len(value.shape) != 1:
        return result if result.size == channels else None
    before = [_channels(other) for other in node.inputs[:index] if other is not None]
    start = sum(count or 0 for count in before)
    if None in before or start + channels > result.size:
        return None
    return result[start : start + channels]


def _keeps_channels(node: ir.Node, value: ir.Value) -> bool:
    """Whether a channel of the result, or a run of them, comes from one channel of the value."""
    before, after = _dims(value), _dims(node.outputs[0])
    if len(before) < 2 or len(after) < 2:
        return False
    if node.op_type in _RESHAPES:
        return before[0] == after[0]
    if node.op_type in _OF_TWO and len(before) != len(after):
        return False
    return node.op_type in _OF_ONE | _OF_TWO and before[1] == after[1]


def _dims(value: ir.Value) -> list[int | ir.SymbolicDim]:
    return [] if value.shape is None else list(value.shape)


def _channels(value: ir.Value | None) -> int | None:
    """The extent of axis 1, None if it isn't known."""
    dims = [] if value is None else _dims(value)
    return dims[1] if len(dims) > 1 and isinstance(dims[1], int) else None
