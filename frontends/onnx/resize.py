# SPDX-License-Identifier: Apache-2.0
"""Resize of planes: to the nearest element, or linear."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx.emitter import checked
from intaglio.frontends.onnx.expectations import PLANE, one_of, unset
from intaglio.frontends.onnx.meanings import Real, Shape, Static
from intaglio.frontends.onnx.moving import only_codes
from intaglio.frontends.onnx.planes import channels_first, channels_last, spatial
from intaglio.frontends.onnx.site import Site, distinct_axes, float32
from intaglio.frontends.readers import MOVE, Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.resampling import COORDINATES, ROUNDINGS, resize_coordinates

_LONGEST_AXIS = 2**16
_ONE = np.float32(1)


@expects("constant sizes or scales")
def KNOWN_EXTENTS(site: Site) -> str | None:
    """The region that may stand between them is for modes that aren't supported."""
    for index in (1 if site.opset < 11 else 2, 3):
        if site.has(index) and not isinstance(site.operand(index), Static):
            return f"computes its operand {index + 1}"
    return None


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is resized: its extents before and after, and the scale that the file states."""

    before: int
    after: int
    scale: np.float32


def resize(site: Site) -> Real:
    """Resize the plane of ``[N, C, H, W]`` or ``[N, C, L]``.

    Source: ONNX operators Resize-10 to Resize-19, whose coordinates ONNX Runtime 1.31 computes in
    float32; so does this.
    """
    x = site.rearrangeable(0)
    count = spatial(x.shape)
    axes = _axes(site, x.shape)
    if any(axis.after != axis.before for axis in axes[:2]):
        raise Refusal("resizes the batch or the channels; rows and columns alone are expected")
    if all(axis.after == axis.before for axis in axes):
        return x
    if max(axis.after for axis in axes) > _LONGEST_AXIS:
        raise Refusal(f"resizes an axis to more than {_LONGEST_AXIS} elements")
    planes = axes[2:] if count == 2 else [_Axis(1, 1, _ONE), *axes[2:]]
    coordinates = site.text("coordinate_transformation_mode", "half_pixel")
    if site.opset < 11:
        coordinates = "asymmetric"
    n, c = x.shape[:2]
    shape = checked((n, planes[0].after, planes[1].after, c))
    match site.text("mode", "nearest"):
        case "nearest":
            rows, columns = (_indices(axis, coordinates, _rounding(site, axis)) for axis in planes)
            image = channels_last(site, x)
            resized = site.move(scaled.ResizeNearest(rows, columns), image, shape)
            return channels_first(site, resized, len(x.shape))
        case _:
            op = _linear(planes, coordinates)
            image = only_codes(channels_last(site, site.activation(0)))
            return channels_first(site, site.computed(op, [image], shape), len(x.shape))


def _axes(site: Site, shape: Shape) -> list[_Axis]:
    """Every axis of the value with its new extent."""
    place = 1 if site.opset < 11 else 2
    rank = len(shape)
    axes = distinct_axes(site.numbers("axes", tuple(range(rank))), rank)
    result = [_Axis(extent, extent, _ONE) for extent in shape]
    if site.has(3):
        sizes = site.integers(3)
        if len(sizes) == len(axes):
            for axis, size in zip(axes, sizes, strict=True):
                result[axis] = _Axis(shape[axis], size, _ratio(size, shape[axis]))
            return result
    scales = float32(site.static(place), "its scales").ravel() if site.has(place) else ()
    if len(scales) != len(axes) or not all(0 < scale < np.inf for scale in scales):
        raise Refusal("states neither a size nor a positive scale for each axis")
    for axis, value in zip(axes, scales, strict=True):
        result[axis] = _Axis(shape[axis], floor(np.float32(shape[axis]) * value), value)
    return result


def _ratio(after: int, before: int) -> np.float32:
    return np.float32(np.float32(after) / np.float32(before))


def _rounding(site: Site, axis: _Axis) -> Callable[[float], int]:
    """How a coordinate of the axis is rounded.

    Source: ONNX operator Resize-11 and up; before, where it is left open, ONNX Runtime 1.31 as
    measured.
    """
    if site.opset < 11:
        return ceil if axis.scale < 1 else floor
    return ROUNDINGS[site.text("nearest_mode", "round_prefer_floor")]


def _indices(axis: _Axis, coordinates: str, rounding: Callable[[float], int]) -> tuple[int, ...]:
    """Which element of the axis each new one is a copy of."""
    return tuple(
        min(max(rounding(float(place)), 0), axis.before - 1)
        for place in resize_coordinates(axis.before, axis.after, axis.scale, coordinates)
    )


def _linear(planes: list[_Axis], mode: str) -> scaled.ResizeLinear:
    """The interpolation whose coordinates follow from the extents alone.

    Raises:
        Refusal: the stated scales give other coordinates.
    """
    if mode != "align_corners" and not all(_follows(axis) for axis in planes):
        raise Refusal("its scales differ from the ratio of the extents; state sizes instead")
    match mode:
        case "align_corners":
            return scaled.ResizeLinear(half_pixel=False, align_corners=True)
        case "asymmetric":
            return scaled.ResizeLinear(half_pixel=False, align_corners=False)
        case "pytorch_half_pixel" if any(axis.after == 1 < axis.before for axis in planes):
            raise Refusal("shrinks an axis to one element as PyTorch does; use half_pixel")
        case _:
            return scaled.ResizeLinear(half_pixel=True, align_corners=False)


def _follows(axis: _Axis) -> bool:
    """Whether the scale is the ratio of the extents."""
    return bool(axis.scale == _ratio(axis.after, axis.before))


RESIZE = Reader(
    resize,
    ("resize_linear", MOVE),
    (
        PLANE,
        KNOWN_EXTENTS,
        one_of("mode", "nearest", ("nearest", "linear")),
        one_of("coordinate_transformation_mode", "half_pixel", COORDINATES),
        one_of("nearest_mode", "round_prefer_floor", tuple(ROUNDINGS)),
        unset("antialias", "exclude_outside"),
        one_of("keep_aspect_ratio_policy", "stretch", ("stretch",)),
    ),
)
