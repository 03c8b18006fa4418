# SPDX-License-Identifier: Apache-2.0
"""Resize: to the nearest element, or linear, an axis after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import floor

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from intaglio.compiler.real.editing import int_attribute
from intaglio.compiler.synthesis.operators.operation import (
    Builder,
    Operation,
    Refusal,
    operand,
    stored,
    stored_integers,
    text,
)
from intaglio.numerics.resampling import COORDINATES, ROUNDINGS, resize_coordinates


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is resized: its extents before and after, and the scale that the file states."""

    place: int
    before: int
    after: int
    scale: np.float32


def resize(node: ir.Node) -> Operation:
    """Each new element is an old one, or a mean of two neighbours along each axis.

    Source: ONNX operator Resize-19, whose coordinates ONNX Runtime 1.31 computes in float32.
    """
    _check(node)
    axes = _axes(node)
    coordinates = text(node, "coordinate_transformation_mode", "half_pixel", COORDINATES)
    places = tuple(axis.place for axis in axes)
    located = [
        resize_coordinates(axis.before, axis.after, axis.scale, coordinates) for axis in axes
    ]
    lasts = [axis.before - 1 for axis in axes]
    if text(node, "mode", "nearest", ("nearest", "linear")) == "nearest":
        rounding = ROUNDINGS[text(node, "nearest_mode", "round_prefer_floor", tuple(ROUNDINGS))]
        indices = [
            np.array([min(max(rounding(float(x)), 0), last) for x in xs], dtype=np.int64)
            for xs, last in zip(located, lasts, strict=True)
        ]
        return Operation(partial(_nearest, places=places), (operand(node, 0), *indices))
    arrays = [a for xs, last in zip(located, lasts, strict=True) for a in _neighbours(xs, last)]
    return Operation(partial(_linear, places=places), (operand(node, 0), *arrays))


def _nearest(x: torch.Tensor, *indices: torch.Tensor, places: tuple[int, ...]) -> torch.Tensor:
    for place, index in zip(places, indices, strict=True):
        x = x.index_select(place, index)
    return x


def _linear(x: torch.Tensor, *arrays: torch.Tensor, places: tuple[int, ...]) -> torch.Tensor:
    """(1 - w) * x[i] + w * x[i + 1] along each axis."""
    for number, place in enumerate(places):
        below, above, weight = arrays[3 * number : 3 * number + 3]
        weight = weight.reshape(-1, *[1] * (x.ndim - 1 - place))
        x = torch.lerp(x.index_select(place, below), x.index_select(place, above), weight)
    return x


def _neighbours(
    coordinates: NDArray[np.float32], last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    within = np.clip(coordinates, 0, last)
    below = np.floor(within)
    indices = below.astype(np.int64)
    return indices, np.minimum(indices + 1, last), within - below


def _check(node: ir.Node) -> None:
    text(node, "keep_aspect_ratio_policy", "stretch", ("stretch",))
    for name in ("antialias", "exclude_outside"):
        if int_attribute(node, name, 0):
            raise Refusal(f"it sets {name}")


def _axes(node: ir.Node) -> list[_Axis]:
    """The axes that change; a batch that is open stays as it is."""
    shape = operand(node, 0).shape
    if shape is None:
        raise Refusal("its input has no known shape")
    rank = len(shape)
    places = [axis % rank for axis in node.attributes.get_ints("axes", list(range(rank)))]
    sizes = stored_integers(node, 3)
    scales = None if sizes else stored(node, 2)
    numbers: Sequence[int] | NDArray[np.float32] | None = sizes if scales is None else scales
    if numbers is None or len(numbers) != len(places) or min(numbers) <= 0:
        raise Refusal("it states neither a size nor a positive scale for each axis")
    axes: list[_Axis] = []
    for place, number in zip(places, numbers, strict=True):
        before = shape[place]
        if not isinstance(before, int):
            if place == 0 and (sizes or number == 1):
                continue
            raise Refusal(f"it resizes axis {place}, whose extent isn't known")
        if sizes:
            axis = _Axis(place, before, int(number), np.float32(number) / np.float32(before))
        else:
            scale = np.float32(number)
            axis = _Axis(place, before, floor(np.float32(before) * scale), scale)
        if axis.after != before or axis.scale != 1:
            axes.append(axis)
    # ONNX Runtime 1.31, measured: whatever the scales, what keeps its shape is copied.
    return axes if any(axis.after != axis.before for axis in axes) else []


RESIZES: dict[str, Builder] = {"Resize": resize}
