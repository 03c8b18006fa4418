# SPDX-License-Identifier: Apache-2.0
"""Where each channel's elements go in operators that only move them."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import constant, input_at, int_attribute
from intaglio.compiler.real.equalization.channel_ties import (
    ChannelTies,
    ConstantOperand,
    Slots,
    reshaped,
)
from intaglio.numerics.slicing import slice_range

Found = Slots | list[Slots] | str
"""The slots of the output or outputs, or why the node lets no scale through."""


def slots_read(ties: ChannelTies, node: ir.Node) -> Slots:
    """The slots of a node's first input, a computed value."""
    value = node.inputs[0]
    assert value is not None
    return ties.values[value]


def resize(ties: ChannelTies, node: ir.Node) -> Found:
    """Elements are repeated or mixed along the axes that change."""
    before, after, slots = node.inputs[0], node.outputs[0], slots_read(ties, node)
    if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return "it fills in what lies outside"
    assert before is not None
    assert before.shape is not None
    assert after.shape is not None
    changed = (i for i in range(slots.ndim) if before.shape[i] != after.shape[i])
    return ties.collapse(slots, changed)


def reshape(ties: ChannelTies, node: ir.Node) -> Found:
    """Elements are laid out anew."""
    before, after = node.inputs[0], node.outputs[0]
    if before is None or before.shape is None or after.shape is None:
        return "a shape is unknown"
    found = reshaped(slots_read(ties, node), before.shape, after.shape)
    return "its shapes aren't static" if found is None else found


def transpose(ties: ChannelTies, node: ir.Node) -> Found:
    """Axes change places."""
    slots = slots_read(ties, node)
    order = node.attributes.get_ints("perm", list(reversed(range(slots.ndim))))
    return np.transpose(slots, tuple(order))


def concat(ties: ChannelTies, node: ir.Node) -> Found:
    """Parts keep their slots; a constant part gets its own."""
    shape = node.outputs[0].shape
    assert shape is not None
    rank = len(shape)
    axis = int_attribute(node, "axis", 1) % rank
    parts: list[Slots] = []
    for index, value in enumerate(node.inputs):
        assert value is not None
        assert value.shape is not None
        extent = value.shape[axis]
        if not isinstance(extent, int):
            return "its extents aren't static"
        if value not in ties.values:
            slots = ties.fresh([extent if i == axis else 1 for i in range(rank)])
            ties.constants.append(ConstantOperand(node, index, slots))
        else:
            slots = ties.values[value]
        parts.append(
            np.broadcast_to(slots, [*slots.shape[:axis], extent, *slots.shape[axis + 1 :]])
        )
    others = np.broadcast_shapes(*([*p.shape[:axis], 1, *p.shape[axis + 1 :]] for p in parts))
    wide = [np.broadcast_to(p, [*others[:axis], p.shape[axis], *others[axis + 1 :]]) for p in parts]
    return np.concatenate(wide, axis=axis)


def split(ties: ChannelTies, node: ir.Node) -> Found:
    """Each result takes its part."""
    slots = slots_read(ties, node)
    axis = int_attribute(node, "axis", 0) % slots.ndim
    if slots.shape[axis] == 1:
        return [slots] * len(node.outputs)
    extents = [value.shape[axis] if value.shape else None for value in node.outputs]
    sizes = [extent for extent in extents if isinstance(extent, int)]
    if sum(sizes) != slots.shape[axis]:
        return "its extents aren't static"
    return list(np.split(slots, np.cumsum(sizes)[:-1], axis=axis))


def slice_out(ties: ChannelTies, node: ir.Node) -> Found:
    """Some elements are left out."""
    slots = slots_read(ties, node)
    starts, ends, axes, steps = (constant(input_at(node, index)) for index in range(1, 5))
    if starts is None or ends is None:
        return "its bounds are computed"
    numbers = range(starts.size) if axes is None else axes.tolist()
    strides = [1] * starts.size if steps is None else steps.tolist()
    for axis, start, end, step in zip(
        numbers, starts.tolist(), ends.tolist(), strides, strict=True
    ):
        extent = slots.shape[axis]
        if extent > 1:
            slots = slots.take(list(slice_range(start, end, step, extent)), axis=axis)
    return slots


def pad(ties: ChannelTies, node: ir.Node) -> Found:
    """Zeros fit any scale: new channels of them get slots of their own."""
    slots = slots_read(ties, node)
    amounts, fill = constant(input_at(node, 1)), constant(input_at(node, 2))
    axes = constant(input_at(node, 3))
    if node.attributes.get_string("mode", "constant") != "constant" or amounts is None:
        return "its padding isn't constant"
    if input_at(node, 2) is not None and (fill is None or fill.any()):
        return "it pads with something other than zero"
    numbers = list(range(slots.ndim)) if axes is None else axes.tolist()
    begins, ends = amounts.reshape(2, -1).tolist()
    for axis, begin, end in zip(numbers, begins, ends, strict=True):
        extent = slots.shape[axis]
        if extent == 1:
            continue  # zeros beside elements that all have one scale
        kept = slots.take(list(range(max(-begin, 0), extent - max(-end, 0))), axis=axis)
        shape = list(kept.shape)
        sides = [
            [max(n, 0) if i == axis % slots.ndim else shape[i] for i in range(slots.ndim)]
            for n in (begin, end)
        ]
        slots = np.concatenate([ties.fresh(sides[0]), kept, ties.fresh(sides[1])], axis=axis)
    return slots
