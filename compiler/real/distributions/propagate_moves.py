# SPDX-License-Identifier: Apache-2.0
"""Distributions through operators that move, repeat, average or pad elements."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distribution_arithmetic import widened
from intaglio.compiler.real.distributions.shaped_distribution import (
    Indices,
    Ruled,
    ShapedDistribution,
    concatenated,
)
from intaglio.compiler.real.editing import (
    constant,
    describe,
    float_constant,
    input_at,
    int_attribute,
)
from intaglio.numerics.slicing import slice_range

MOVED = frozenset(
    {"AveragePool", "Concat", "Flatten", "GlobalAveragePool", "Identity", "MaxPool", "Pad"}
    | {"ReduceMean", "Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)


def propagate_move(node: ir.Node, operands: Sequence[ShapedDistribution]) -> Ruled:
    """What becomes of the elements; or why that isn't known.

    Args:
        node: one of ``MOVED``.
        operands: the distributions of its data.
    """
    given, wanted = _dims(node.inputs[0]), _dims(node.outputs[0])
    if given is None or wanted is None:
        return f"{describe(node)}: its shape is unknown"
    x = operands[0]
    match node.op_type:
        case "Concat":
            return [_concat(node, operands)]
        case "Split":
            return _split(node, x)
        case "Slice":
            return _slice(node, x, given)
        case "Transpose":
            order = node.attributes.get_ints("perm", list(range(len(given)))[::-1])
            return [x.moved(lambda indices: np.transpose(indices, order))]
        case "Pad":
            return _pad(node, x, given)
        case "ReduceMean":
            return _mean(node, x)
        case "AveragePool" | "GlobalAveragePool" | "MaxPool" | "Resize":
            return _window(node, x, given, wanted)
        case _:
            return _reshape(node, x, given, wanted)


def _dims(value: ir.Value | None) -> list[int] | None:
    """A value's shape, one sample standing for a batch that is left open."""
    if value is None or value.shape is None:
        return None
    return [dim if isinstance(dim, int) else 1 for dim in value.shape]


def _concat(node: ir.Node, operands: Sequence[ShapedDistribution]) -> ShapedDistribution:
    rank = len(operands[0].shape)
    axis = int_attribute(node, "axis", 0) % rank
    parts: list[ShapedDistribution] = []
    for value, part in zip(node.inputs, operands, strict=True):
        dims = _dims(value) or list(part.shape)
        parts.append(part.expanded([dims[i] if i == axis else part.shape[i] for i in range(rank)]))
    return concatenated(parts, axis)


def _split(node: ir.Node, x: ShapedDistribution) -> Ruled:
    axis = int_attribute(node, "axis", 0) % len(x.shape)
    if x.shape[axis] == 1:
        return [x] * len(node.outputs)
    sizes = [dims[axis] for value in node.outputs if (dims := _dims(value)) is not None]
    if sum(sizes) != x.shape[axis]:
        return f"{describe(node)}: the sizes of its parts are unknown"
    starts = np.cumsum([0, *sizes])
    return [
        x.moved(partial(_cut, axis=axis, part=slice(start, stop)))
        for start, stop in pairwise(starts)
    ]


def _cut(indices: Indices, axis: int, part: slice | list[int]) -> Indices:
    return indices[(*[slice(None)] * axis, part)]


def _slice(node: ir.Node, x: ShapedDistribution, given: list[int]) -> Ruled:
    starts, ends = constant(input_at(node, 1)), constant(input_at(node, 2))
    if starts is None or ends is None:
        return f"{describe(node)}: where it cuts is computed by the model"
    axes, steps = constant(input_at(node, 3)), constant(input_at(node, 4))
    axes = np.arange(starts.size) if axes is None else axes
    steps = np.ones(starts.size, int) if steps is None else steps
    for axis, start, stop, step in zip(
        axes.tolist(), starts.tolist(), ends.tolist(), steps.tolist(), strict=True
    ):
        if x.shape[axis] > 1:
            part = list(slice_range(start, stop, step, x.shape[axis]))
            x = x.moved(partial(_cut, axis=axis % len(given), part=part))
    return [x]


def _reshape(node: ir.Node, x: ShapedDistribution, given: list[int], wanted: list[int]) -> Ruled:
    if np.prod(given) != np.prod(wanted):
        return f"{describe(node)}: its shape depends on the batch"
    if int(np.prod(given)) == 0:
        return f"{describe(node)}: it has no elements"
    return [x.expanded(given).moved(lambda indices: indices.reshape(wanted)).squeezed()]


def _mean(node: ir.Node, x: ShapedDistribution) -> Ruled:
    stored = constant(input_at(node, 1))
    if stored is None and int_attribute(node, "noop_with_empty_axes", 0):
        return [x]
    rank = len(x.shape)
    axes = tuple(range(rank)) if stored is None else tuple(int(a) % rank for a in stored.ravel())
    mixed = x.mixed_over(axes)
    if int_attribute(node, "keepdims", 1):
        return [mixed]
    return [mixed.moved(lambda indices: np.squeeze(indices, axes))]


def _window(node: ir.Node, x: ShapedDistribution, given: list[int], wanted: list[int]) -> Ruled:
    if given[:2] != wanted[:2]:
        return f"{describe(node)}: it mixes channels"
    mixed = x.mixed_over(range(2, len(given)))
    pads = node.attributes.get_ints("pads", ())
    if node.op_type == "AveragePool" and int_attribute(node, "count_include_pad", 0) and any(pads):
        mixed = ShapedDistribution(widened(mixed.flat, 0.0, 0.0), mixed.shape)
    cropping = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if cropping == "tf_crop_and_resize":
        outside = node.attributes.get_float("extrapolation_value", 0.0)
        mixed = ShapedDistribution(widened(mixed.flat, outside, outside), mixed.shape)
    return [mixed]


def _pad(node: ir.Node, x: ShapedDistribution, given: list[int]) -> Ruled:
    amounts, stored = constant(input_at(node, 1)), float_constant(input_at(node, 2))
    if amounts is None or node.attributes.get_string("mode", "constant") != "constant":
        return f"{describe(node)}: what it pads with isn't constant"
    axes = constant(input_at(node, 3))
    chosen: list[int] = list(range(len(given))) if axes is None else axes.tolist()
    fill = 0.0 if stored is None else float(stored.item())
    begins, ends = amounts.reshape(2, -1).tolist()
    for axis, begin, end in zip(chosen, begins, ends, strict=True):
        x = _pad_axis(x, axis % len(given), begin, end, fill, given[axis])
    return [x]


def _pad_axis(
    x: ShapedDistribution, axis: int, begin: int, end: int, fill: float, extent: int
) -> ShapedDistribution:
    """Along channels, and where elements differ, exactly; else only the ends are widened."""
    if begin == 0 == end or (x.shape[axis] == 1 and axis != 1 and max(begin, end) <= 0):
        return x
    if x.shape[axis] == 1 and axis != 1:
        return ShapedDistribution(widened(x.flat, fill, fill), x.shape)
    dims = [extent if i == axis else dim for i, dim in enumerate(x.shape)]
    kept = slice(max(-begin, 0), extent - max(-end, 0))
    parts = [x.expanded(dims).moved(partial(_cut, axis=axis, part=kept))]
    for place, amount in ((0, begin), (len(parts) + 1, end)):
        if amount > 0:
            shape = [amount if i == axis else 1 for i in range(len(dims))]
            parts.insert(place, ShapedDistribution.constant(np.full(shape, fill), len(shape)))
    return concatenated(parts, axis)
