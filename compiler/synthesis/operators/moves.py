# SPDX-License-Identifier: Apache-2.0
"""What moves, cuts, joins and pads elements and computes nothing."""

from functools import partial
from math import prod

import onnx_ir as ir
import torch
from torch.nn import functional

from intaglio.compiler.real.editing import int_attribute
from intaglio.compiler.synthesis.operators.operation import (
    Builder,
    Operation,
    Refusal,
    operand,
    stored_integers,
    stored_number,
    text,
)
from intaglio.numerics.slicing import slice_range


def concat(node: ir.Node) -> Operation:
    """Inputs one after the other along an axis.  Source: ONNX operator Concat-13."""
    axis = int_attribute(node, "axis", 0)
    operands = tuple(operand(node, index) for index in range(len(node.inputs)))
    return Operation(lambda *tensors: torch.cat(tensors, dim=axis), operands)


def flatten(node: ir.Node) -> Operation:
    """A matrix: axes before ``axis`` by the others.  Source: ONNX operator Flatten-21."""
    axis = int_attribute(node, "axis", 1)
    return Operation(partial(_flatten, axis=axis), (operand(node, 0),))


def _flatten(x: torch.Tensor, axis: int) -> torch.Tensor:
    place = axis + x.ndim if axis < 0 else axis
    return x.reshape(prod(x.shape[:place]), prod(x.shape[place:]))


def reshape(node: ir.Node) -> Operation:
    """The same elements in another shape: 0 copies a dimension, -1 takes what is left.

    Source: ONNX operator Reshape-21.
    """
    shape = stored_integers(node, 1)
    if shape is None:
        raise Refusal("it lacks its shape")
    copies = not int_attribute(node, "allowzero", 0)
    return Operation(partial(_reshape, shape=shape, copies=copies), (operand(node, 0),))


def _reshape(x: torch.Tensor, shape: list[int], copies: bool) -> torch.Tensor:
    return x.reshape([x.shape[i] if copies and dim == 0 else dim for i, dim in enumerate(shape)])


def squeeze(node: ir.Node) -> Operation:
    """Without some axes of extent 1, or all of them.  Source: ONNX operator Squeeze-21."""
    axes = stored_integers(node, 1)
    if axes is None:
        return Operation(torch.squeeze, (operand(node, 0),))
    return Operation(partial(torch.squeeze, dim=axes), (operand(node, 0),))


def unsqueeze(node: ir.Node) -> Operation:
    """With new axes of extent 1, counted in the result.  Source: ONNX operator Unsqueeze-21."""
    axes = stored_integers(node, 1) or []
    return Operation(partial(_unsqueeze, axes=axes), (operand(node, 0),))


def _unsqueeze(x: torch.Tensor, axes: list[int]) -> torch.Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def transpose(node: ir.Node) -> Operation:
    """Axes in another order, reversed by default.  Source: ONNX operator Transpose-21."""
    order = tuple(node.attributes.get_ints("perm", []))
    return Operation(partial(_transpose, order=order), (operand(node, 0),))


def _transpose(x: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    return x.permute(order or tuple(reversed(range(x.ndim))))


def split(node: ir.Node) -> Operation:
    """Parts along an axis, of given extents or equal ones.  Source: ONNX operator Split-18."""
    extents = stored_integers(node, 1)
    parts = len(node.outputs)
    if extents is not None and len(extents) != parts:
        raise Refusal(f"it has {parts} outputs and {len(extents)} extents of parts")
    axis = int_attribute(node, "axis", 0)
    return Operation(partial(_split, extents=extents, parts=parts, axis=axis), (operand(node, 0),))


def _split(
    x: torch.Tensor, extents: list[int] | None, parts: int, axis: int
) -> tuple[torch.Tensor, ...]:
    if extents is None:
        extent, chunk = x.shape[axis], -(-x.shape[axis] // parts)
        extents = [min(chunk, max(extent - chunk * part, 0)) for part in range(parts)]
    return tuple(torch.split(x, extents, dim=axis))


def slices(node: ir.Node) -> Operation:
    """Ranges of some axes (``slice_range``).  Source: ONNX operator Slice-13."""
    starts, ends = stored_integers(node, 1), stored_integers(node, 2)
    if starts is None or ends is None:
        raise Refusal("it lacks its starts or ends")
    axes = stored_integers(node, 3) or list(range(len(starts)))
    steps = stored_integers(node, 4) or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Refusal("its starts, ends, axes and steps don't fit each other")
    ranges = list(zip(axes, starts, ends, steps, strict=True))
    return Operation(partial(_slice, ranges=ranges), (operand(node, 0),))


def _slice(x: torch.Tensor, ranges: list[tuple[int, int, int, int]]) -> torch.Tensor:
    for axis, start, end, step in ranges:
        indices = slice_range(start, end, step, x.shape[axis])
        if step < 0:  # which PyTorch doesn't do: forward, then flipped
            indices = indices[::-1]
        first, length = (indices[0], indices[-1] - indices[0] + 1) if indices else (0, 0)
        x = x.narrow(axis, first, length)
        if indices.step > 1:
            x = x.movedim(axis, 0)[:: indices.step].movedim(0, axis)
        if step < 0:
            x = x.flip(axis)
    return x


def pad(node: ir.Node) -> Operation:
    """A constant around the elements; negative amounts cut off.  Source: ONNX operator Pad-21."""
    text(node, "mode", "constant", ("constant",))
    amounts = stored_integers(node, 1)
    fill = stored_number(node, 2) or 0.0
    if amounts is None or len(amounts) % 2:
        raise Refusal("its pads aren't two for each axis")
    half = len(amounts) // 2
    axes = stored_integers(node, 3) or list(range(half))
    if len(axes) != half:
        raise Refusal(f"it has {len(axes)} axes and pads for {half}")
    pairs = list(zip(axes, amounts[:half], amounts[half:], strict=True))
    return Operation(partial(_pad, pairs=pairs, fill=fill), (operand(node, 0),))


def _pad(x: torch.Tensor, pairs: list[tuple[int, int, int]], fill: float) -> torch.Tensor:
    amounts = [0] * 2 * x.ndim
    for axis, begin, end in pairs:
        place = 2 * (x.ndim - 1 - axis % x.ndim)  # PyTorch counts from the last axis
        amounts[place : place + 2] = begin, end
    return functional.pad(x, amounts, value=fill)


MOVES: dict[str, Builder] = {
    "Concat": concat,
    "Flatten": flatten,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": slices,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
