# SPDX-License-Identifier: Apache-2.0
"""Pools and resizing."""

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.activations import BOUNDED, fused
from intaglio.frontends.tflite.expectations import (
    CODES,
    at_least_one,
    codes_of,
    constant,
    one_element,
)
from intaglio.frontends.tflite.model import Shape
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Computed, Known
from intaglio.frontends.tflite.windows import PADDING, padding, strides

_LARGEST_WINDOW = 1 << 16
_LONGEST_SIDE = 1 << 16


@expects("windows of at most 65,536 elements")
def SMALL_WINDOW(site: Site) -> str | None:
    """A window has a requantizer for each number of elements that it may cover."""
    rows, columns = _kernel(site)
    fits = rows * columns <= _LARGEST_WINDOW
    return None if fits else f"has windows of {rows} by {columns} elements"


@expects("not both of AlignCorners and HalfPixelCenters")
def ONE_CENTRE(site: Site) -> str | None:
    """TensorFlow Lite refuses the two together."""
    both = site.flag("AlignCorners") and site.flag("HalfPixelCenters")
    return "has the options AlignCorners and HalfPixelCenters" if both else None


POOL = (
    codes_of(0, CODES),
    one_element(0),
    PADDING,
    at_least_one("StrideH", "StrideW", "FilterHeight", "FilterWidth"),
    SMALL_WINDOW,
    BOUNDED,
)
RESIZE = (codes_of(0, CODES), one_element(0), constant(1, "size"), ONE_CENTRE)


def average_pool(site: Site) -> Computed:
    """AVERAGE_POOL_2D: padding doesn't count."""
    x, kernel = site.in_result(0), _kernel(site)
    pads = padding(site, x.type.shape, kernel)
    op = scaled.AveragePool2d(kernel, strides(site), pads, activation=fused(site))
    return site.emit(op, (x,))


def max_pool(site: Site) -> Computed:
    """MAX_POOL_2D."""
    x, kernel = site.in_result(0), _kernel(site)
    pads = padding(site, x.type.shape, kernel)
    op = scaled.MaxPool2d(kernel, strides(site), pads, activation=fused(site))
    return site.emit(op, (x,))


def _kernel(site: Site) -> tuple[int, int]:
    return site.integer("FilterHeight"), site.integer("FilterWidth")


def resize_bilinear(site: Site) -> Computed:
    """RESIZE_BILINEAR in one of three coordinate systems."""
    x, (rows, columns) = site.in_result(0), _size(site)
    op = scaled.ResizeLinear(site.flag("HalfPixelCenters"), site.flag("AlignCorners"))
    batch, _, _, channels = _plane(x)
    return site.emit(op, (x,), declared=(batch, rows, columns, channels))


def resize_nearest(site: Site) -> Computed:
    """RESIZE_NEAREST_NEIGHBOR."""
    x, (rows, columns) = site.in_result(0), _size(site)
    _, height, width, _ = _plane(x)
    op = scaled.ResizeNearest(_nearest(site, height, rows), _nearest(site, width, columns))
    return site.emit(op, (x,))


def _nearest(site: Site, before: int, after: int) -> tuple[int, ...]:
    """The index of the operand for each index of the result.

    Source: TensorFlow Lite's reference kernel, which computes coordinates in float32.
    """
    aligned, half_pixel = site.flag("AlignCorners"), site.flag("HalfPixelCenters")
    offset = np.float32(0.5 if half_pixel else 0)
    if aligned and after > 1:
        scale = np.float32(before - 1) / np.float32(after - 1)
    else:
        scale = np.float32(before) / np.float32(after)
    places = np.arange(after).astype(np.float32)
    position = (places + offset) * scale
    # Positions aren't negative: half away from zero is half up.
    near = np.floor(position.astype(np.float64) + 0.5) if aligned else np.floor(position)
    return tuple(int(index) for index in np.clip(near, 0, before - 1))


def _size(site: Site) -> tuple[int, int]:
    size = site.integers(1, "a size")
    if len(size) != 2 or not all(1 <= extent <= _LONGEST_SIDE for extent in size):
        raise Refusal(f"resizes to {list(size)}; two extents of 1 to {_LONGEST_SIDE} are expected")
    return size[0], size[1]


def _plane(x: Known) -> Shape:
    if x.type.rank != 4:
        raise Refusal(f"reads shape {list(x.type.shape)}; [N, H, W, C] is expected")
    return x.type.shape
