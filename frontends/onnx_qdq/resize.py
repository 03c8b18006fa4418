# SPDX-License-Identifier: Apache-2.0
"""Resize of planes: to the nearest element, or linear."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.frontends.onnx_qdq.emitter import checked
from intaglio.frontends.onnx_qdq.meanings import Real, Shape
from intaglio.frontends.onnx_qdq.moving import only_codes
from intaglio.frontends.onnx_qdq.planes import channels_first, channels_last, spatial
from intaglio.frontends.onnx_qdq.refusal import Refusal
from intaglio.frontends.onnx_qdq.site import Site, float32, normalized

_HALF = Fraction(1, 2)

_ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda x: ceil(x - _HALF),
    "round_prefer_ceil": lambda x: floor(x + _HALF),
    "floor": floor,
    "ceil": ceil,
}


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is resized: its extents before and after, and the scale that the file states."""

    before: int
    after: int
    scale: Fraction


def resize(site: Site) -> Real:
    """Resize the plane of ``[N, C, H, W]`` or ``[N, C, L]``.

    Source: ONNX operators Resize-10 to Resize-19; coordinates are computed exactly.
    """
    x = site.rearrangeable(0)
    count = spatial(x.shape)
    _refuse_variants(site)
    axes = _axes(site, x.shape)
    if any(axis.after != axis.before for axis in axes[:2]):
        raise Refusal("resizes the batch or the channels; rows and columns alone are expected")
    planes = axes[2:] if count == 2 else [_Axis(1, 1, Fraction(1)), *axes[2:]]
    coordinates = site.text("coordinate_transformation_mode", "half_pixel")
    if site.opset < 11:
        coordinates = "asymmetric"
    n, c = x.shape[:2]
    shape = checked((n, planes[0].after, planes[1].after, c))
    match site.text("mode", "nearest"):
        case "nearest":
            rounding = _rounding(site)
            rows, columns = (_indices(axis, coordinates, rounding) for axis in planes)
            image = channels_last(site, x)
            resized = site.move(scaled.ResizeNearest(rows, columns), image, shape)
            return channels_first(site, resized, len(x.shape))
        case "linear":
            op = _linear(planes, coordinates)
            image = only_codes(channels_last(site, site.activation(0)))
            return channels_first(site, site.computed(op, [image], shape), len(x.shape))
        case other:
            raise Refusal(f"interpolates in mode {other!r}; nearest or linear is expected")


def _refuse_variants(site: Site) -> None:
    if site.integer("antialias", 0) or site.integer("exclude_outside", 0):
        raise Refusal("sets antialias or exclude_outside, which are not supported")
    if site.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("keeps the aspect ratio; state both sizes instead")


def _axes(site: Site, shape: Shape) -> list[_Axis]:
    """Every axis of the value with its new extent."""
    place = 1 if site.opset < 11 else 2
    rank = len(shape)
    named = site.numbers("axes", tuple(range(rank)))
    axes = [normalized(axis, rank) for axis in named]
    result = [_Axis(extent, extent, Fraction(1)) for extent in shape]
    if site.has(3):
        sizes = site.integers(3)
        if len(sizes) == len(axes):
            for axis, size in zip(axes, sizes, strict=True):
                result[axis] = _Axis(shape[axis], size, Fraction(size, shape[axis]))
            return result
    scales = float32(site.static(place), "its scales").ravel() if site.has(place) else ()
    if len(scales) != len(axes) or not all(0 < scale < np.inf for scale in scales):
        raise Refusal("states neither a size nor a positive scale for each axis")
    for axis, value in zip(axes, scales, strict=True):
        result[axis] = _scaled_axis(shape[axis], value)
    return result


def _scaled_axis(before: int, scale: np.float32) -> _Axis:
    """An axis resized by a scale: a ratio of extents that float32 rounded means that ratio.

    Source: ONNX Runtime 1.31, which takes the product in float32.
    """
    after = floor(np.float32(before) * scale)
    if np.float32(after / before) == scale:
        return _Axis(before, after, Fraction(after, before))
    return _Axis(before, after, Fraction(float(scale)))


def _rounding(site: Site) -> Callable[[Fraction], int]:
    if site.opset < 11:
        return floor
    mode = site.text("nearest_mode", "round_prefer_floor")
    if mode not in _ROUNDINGS:
        raise Refusal(f"nearest_mode is {mode!r}; one of {', '.join(_ROUNDINGS)} is expected")
    return _ROUNDINGS[mode]


def _indices(axis: _Axis, coordinates: str, rounding: Callable[[Fraction], int]) -> tuple[int, ...]:
    """Which element of the axis each new one is a copy of."""
    return tuple(
        min(max(rounding(_coordinate(axis, coordinates, index)), 0), axis.before - 1)
        for index in range(axis.after)
    )


def _coordinate(axis: _Axis, mode: str, index: int) -> Fraction:
    """Where a new element lies on the old axis."""
    match mode:
        case "asymmetric":
            return index / axis.scale
        case "align_corners":
            if axis.after == 1:
                return Fraction(0)
            return Fraction(index * (axis.before - 1), axis.after - 1)
        case "pytorch_half_pixel" if axis.after == 1:
            return Fraction(0)
        case "half_pixel" | "pytorch_half_pixel":
            return (index + _HALF) / axis.scale - _HALF
        case _:
            raise Refusal(f"coordinate_transformation_mode {mode!r} is not supported")


def _linear(planes: list[_Axis], mode: str) -> scaled.ResizeLinear:
    """The interpolation whose coordinates follow from the extents alone.

    Raises:
        Refusal: the stated scales give other coordinates, or the mode is unknown.
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
        case "half_pixel" | "pytorch_half_pixel":
            return scaled.ResizeLinear(half_pixel=True, align_corners=False)
        case _:
            raise Refusal(f"coordinate_transformation_mode {mode!r} is not supported")


def _follows(axis: _Axis) -> bool:
    """Whether the scale is the ratio of the extents."""
    return axis.scale == Fraction(axis.after, axis.before)
