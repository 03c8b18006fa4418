# SPDX-License-Identifier: Apache-2.0
"""Follow every channel through a network: what each operator does to a scale of its operands."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import constant, describe, input_at, int_attribute, name_of
from intaglio.compiler.real.equalization import channel_moves
from intaglio.compiler.real.equalization.channel_moves import Found, slots_read
from intaglio.compiler.real.equalization.channel_ties import (
    ChannelTies,
    ConstantOperand,
    Layer,
    aligned,
)
from intaglio.compiler.real.linear import read_linear

RETURNED = "the graph returns it"


def follow_channels(graph: ir.Graph) -> ChannelTies:
    """Which elements must share a scale, through the whole graph of a normalized model.

    An operator f lets scales through where f(x / s) = f(x) / s for s > 0, with the operands'
    scales tied as far as that needs it: Relu, LeakyRelu, PRelu, sums and differences, Min, Max,
    products with constants, pooling, means, zero padding, and all that only moves elements.
    Linear operations with constant weights begin new slots. All else is a barrier, with its reason.
    """
    ties = ChannelTies()
    for value in graph.inputs:
        slots = ties.fresh([1] * _rank(value))
        ties.block(slots, value.name or "", "it is an input of the graph")
        ties.values[value] = slots
    for node in graph:
        found = follow_node(ties, node)
        if isinstance(found, str):
            _stop(ties, node, found)
            continue
        outputs = found if isinstance(found, list) else [found]
        ties.values.update(zip(node.outputs, outputs, strict=True))
    for value in graph.outputs:
        if value in ties.values:
            ties.block(ties.values[value], value.name or "", RETURNED)
    return ties


def follow_node(ties: ChannelTies, node: ir.Node) -> Found:
    """The slots of a node's outputs, given those of its inputs, or why it lets no scale through."""
    if any(value.shape is None for value in (*node.inputs, *node.outputs) if value is not None):
        return "a shape is unknown"
    rule = _RULES.get(node.op_type, _barrier) if node.domain == "" else _barrier
    return rule(ties, node)


def _stop(ties: ChannelTies, node: ir.Node, why: str) -> None:
    for value in node.inputs:
        if value is not None and value in ties.values:
            ties.block(ties.values[value], name_of(node), why)
    for value in node.outputs:
        slots = ties.fresh([1] * _rank(value))
        ties.block(slots, name_of(node), why)
        ties.values[value] = slots


def _rank(value: ir.Value) -> int:
    return 0 if value.shape is None else len(value.shape)


def _barrier(ties: ChannelTies, node: ir.Node) -> Found:
    return f"{node.op_type} is not homogeneous, or not known to be"


def _linear(ties: ChannelTies, node: ir.Node) -> Found:
    linear = read_linear(node)
    source = node.inputs[0]
    if linear is None or source not in ties.values:
        return f"{describe(node)} has no constant weights"
    slots = ties.values[source]
    rank = _rank(source)
    inputs = ties.collapse(slots, (axis for axis in range(rank) if axis != 1)).reshape(-1)
    outputs = ties.fresh([1, linear.outputs, *[1] * (rank - 2)])
    layer = Layer(node, linear, np.broadcast_to(inputs, linear.inputs), outputs.reshape(-1))
    ties.layers.append(layer)
    return outputs


def _same(ties: ChannelTies, node: ir.Node) -> Found:
    if any(value in ties.values for value in node.inputs[1:]):
        return "a parameter is computed by the model"
    return slots_read(ties, node)


def _together(ties: ChannelTies, node: ir.Node) -> Found:
    """Operands and result share one scale; constants are divided by it."""
    rank = _rank(node.outputs[0])
    computed = [aligned(ties.values[v], rank) for v in node.inputs if v in ties.values]
    if not computed:
        return "it reads constants alone"
    for other in computed[1:]:
        ties.tie(computed[0], other)
    result = np.broadcast_arrays(*computed)[0]
    for index, value in enumerate(node.inputs):
        if constant(value) is not None:
            ties.constants.append(ConstantOperand(node, index, result))
    return result


def _product(ties: ChannelTies, node: ir.Node) -> Found:
    """Of one value that may be scaled, and others that are not, such as a gate."""
    rank = _rank(node.outputs[0])
    computed = [aligned(ties.values[v], rank) for v in node.inputs if v in ties.values]
    scalable = [slots for slots in computed if not ties.is_blocked(slots)]
    if len(scalable) > 1:
        return "it multiplies values that both could be scaled"
    return (scalable or computed)[0] if computed else "it reads constants alone"


def _clip(ties: ChannelTies, node: ir.Node) -> Found:
    bounds = [constant(input_at(node, index)) for index in (1, 2)]
    if all(array is None or array.item() in (0, -np.inf, np.inf) for array in bounds):
        return slots_read(ties, node)
    return "a bound that is the same for all channels (per_channel_caps makes one for each)"


def _windows(ties: ChannelTies, node: ir.Node) -> Found:
    slots = slots_read(ties, node)
    return ties.collapse(slots, range(2, slots.ndim))


def _mean(ties: ChannelTies, node: ir.Node) -> Found:
    slots, axes = slots_read(ties, node), constant(input_at(node, 1))
    if (axes is None or axes.size == 0) and int_attribute(node, "noop_with_empty_axes", 0):
        return slots
    numbers = range(slots.ndim) if axes is None or axes.size == 0 else axes.tolist()
    reduced = sorted({axis % slots.ndim for axis in numbers})
    slots = ties.collapse(slots, reduced)
    return slots if int_attribute(node, "keepdims", 1) else np.squeeze(slots, tuple(reduced))


_RULES: Mapping[str, Callable[[ChannelTies, ir.Node], Found]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), _linear),
    **dict.fromkeys(("Identity", "LeakyRelu", "PRelu", "Relu"), _same),
    **dict.fromkeys(("Add", "Max", "Min", "Sub"), _together),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "MaxPool"), _windows),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), channel_moves.reshape),
    "Clip": _clip,
    "Concat": channel_moves.concat,
    "Mul": _product,
    "Pad": channel_moves.pad,
    "ReduceMean": _mean,
    "Resize": channel_moves.resize,
    "Slice": channel_moves.slice_out,
    "Split": channel_moves.split,
    "Transpose": channel_moves.transpose,
}
