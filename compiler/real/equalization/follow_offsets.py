# SPDX-License-Identifier: Apache-2.0
"""Where a constant that is taken from each channel of a value can be given back."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.clips.clips import read_cap
from intaglio.compiler.real.editing import constant, describe, int_attribute, name_of
from intaglio.compiler.real.equalization.channel_ties import ChannelTies, Slots
from intaglio.compiler.real.equalization.follow_channels import follow_node
from intaglio.compiler.real.linear import read_linear

# f(x - c) = f(x) - c where x >= c >= 0.
_KEEP_WHAT_IS_POSITIVE = frozenset({"LeakyRelu", "PRelu", "Relu"})
# f(x - c) = f(x) - c, c being the same for all elements that meet.
_EQUIVARIANT = frozenset(
    {"AveragePool", "Concat", "Flatten", "GlobalAveragePool", "Identity", "MaxPool", "ReduceMean"}
    | {"Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
_MIXES = "mixes elements of different channels"


@dataclass(frozen=True, slots=True, eq=False)
class Receiver:
    """What an offset reaches.

    Attributes:
        node: a linear layer that can take it into its bias, or a bound that must move along.
        slots: the channel, of the value that the offset is taken from, for each input channel of a
            layer or each element that a bound meets; -1 where there is no offset.
    """

    node: ir.Node
    slots: Slots


@dataclass(frozen=True, slots=True, eq=False)
class OffsetPaths:
    """All that an offset meets on its way.

    Attributes:
        layers: those that end its way.
        bounds: Min or Max with a constant.
        keeps_positive: whether a Relu or its like is on the way, which negative numbers don't pass.
    """

    layers: tuple[Receiver, ...]
    bounds: tuple[Receiver, ...]
    keeps_positive: bool


def follow_offset(graph: ir.Graph, value: ir.Value, channels: int) -> OffsetPaths | str:
    """Follow an offset of each channel of ``value`` to the layers that end it.

    Returns:
        The ways, or why there is one that ends elsewhere.
    """
    ties = ChannelTies()
    rank = 0 if value.shape is None else len(value.shape)
    ties.values[value] = ties.fresh([1, channels, *[1] * (rank - 2)])
    layers: list[Receiver] = []
    bounds: list[Receiver] = []
    keeps_positive = False
    for node in graph:
        reached = [v for v in node.inputs if v in ties.values]
        if not reached:
            continue
        if reached[0] is node.inputs[0] and read_linear(node) is not None:
            slots = ties.collapse(ties.values[reached[0]], _all_but_channels(reached[0]))
            if ties.shared.number_of_edges():
                return f"{describe(node)} {_MIXES}"
            layers.append(Receiver(node, _known(slots, channels).reshape(-1)))
            continue
        why = _obstacle(node)
        if why is not None:
            return why
        keeps_positive |= node.op_type in _KEEP_WHAT_IS_POSITIVE
        for other in node.inputs:
            if other is not None and other not in ties.values and constant(other) is None:
                ties.values[other] = ties.fresh([1] * (len(other.shape or ())))
        found = follow_node(ties, node)
        if isinstance(found, str):
            return f"{name_of(node)}: {found}"
        if read_cap(node) is not None and not isinstance(found, list):
            bounds.append(Receiver(node, _known(found, channels)))
        outputs = found if isinstance(found, list) else [found]
        ties.values.update(zip(node.outputs, outputs, strict=True))
        if ties.shared.number_of_edges():
            return f"{describe(node)} {_MIXES}"
    for output in graph.outputs:
        if output in ties.values and (_known(ties.values[output], channels) >= 0).any():
            return f"the graph returns {output.name}"
    return (
        OffsetPaths(tuple(layers), tuple(bounds), keeps_positive) if layers else "no layer reads it"
    )


def _obstacle(node: ir.Node) -> str | None:
    """Why an offset doesn't pass a node, None if it may."""
    if node.domain == "" and (node.op_type in _KEEP_WHAT_IS_POSITIVE or read_cap(node) is not None):
        return None
    if node.op_type == "Clip":
        return f"{describe(node)} has one bound for all channels; run per_channel_caps first"
    if node.domain != "" or node.op_type not in _EQUIVARIANT:
        return f"{describe(node)} reads it"
    averages_padding = any(node.attributes.get_ints("pads", ())) and int_attribute(
        node, "count_include_pad", 0
    )
    if node.op_type == "AveragePool" and (averages_padding or int_attribute(node, "ceil_mode", 0)):
        return f"{describe(node)} averages padding too"
    return None


def _all_but_channels(value: ir.Value) -> list[int]:
    return [axis for axis in range(len(value.shape or ())) if axis != 1]


def _known(slots: Slots, channels: int) -> Slots:
    """Slots beyond the followed value's belong to others, which have no offset."""
    return np.where(slots < channels, slots, -1)
