# SPDX-License-Identifier: Apache-2.0
"""Pools and means."""

from dataclasses import replace

from intaglio.compiler.ir import scaled
from intaglio.frontends.axes import normalized
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx.expectations import PLANE, constant, quantized
from intaglio.frontends.onnx.meanings import Real, Shape
from intaglio.frontends.onnx.moving import only_codes
from intaglio.frontends.onnx.planes import (
    AUTO_PAD,
    Windows,
    channels_first,
    channels_last,
    read_windows,
    span,
    spatial,
)
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import COMPARISON, Reader


@expects("no indices of the maxima")
def MAXIMA_ALONE(site: Site) -> str | None:
    """The second result isn't computed."""
    asked = len(site.node.outputs) > 1 and bool(site.node.outputs[1].name)
    return "is asked for the indices of the maxima" if asked else None


@expects("dilations of 1")
def DENSE_WINDOWS(site: Site) -> str | None:
    """No profile states a mean over a window with gaps."""
    return "averages over a dilated window" if set(site.numbers("dilations", ())) - {1} else None


@expects("not both of ceil_mode and count_include_pad")
def ONE_ROUNDING_OF_WINDOWS(site: Site) -> str | None:
    """Runtimes differ on what padding counts where both are set."""
    both = site.flag("ceil_mode") and site.flag("count_include_pad")
    return "sets both ceil_mode and count_include_pad" if both else None


def max_pool(site: Site) -> Real:
    """MaxPool; it takes the largest code, before or after quantization alike."""
    x = site.rearrangeable(0)
    windows = _windows(site, x.shape)
    return _largest(site, x, windows)


def global_max_pool(site: Site) -> Real:
    """GlobalMaxPool: one window over the whole plane."""
    x = site.rearrangeable(0)
    kernel = x.shape[2:] if spatial(x.shape) == 2 else (1, x.shape[2])
    return _largest(site, x, Windows((kernel[0], kernel[1]), (1, 1), (1, 1), (0, 0, 0, 0)))


def _largest(site: Site, x: Real, windows: Windows) -> Real:
    image = channels_last(site, x)
    n, h, w, c = image.shape
    op = scaled.MaxPool2d(windows.kernel, windows.strides, windows.pads, windows.dilations)
    top, left, bottom, right = windows.pads
    rows = _count(h + top + bottom, windows, 0)
    columns = _count(w + left + right, windows, 1)
    pooled = site.move(op, image, (n, rows, columns, c))
    return channels_first(site, pooled, len(x.shape))


def average_pool(site: Site) -> Real:
    """AveragePool without dilations."""
    x = site.activation(0)
    windows = _windows(site, x.shape)
    count_padding = site.flag("count_include_pad")
    image = only_codes(channels_last(site, x))
    op = scaled.AveragePool2d(windows.kernel, windows.strides, windows.pads, count_padding)
    return channels_first(site, site.computed(op, [image]), len(x.shape))


def global_average_pool(site: Site) -> Real:
    """GlobalAveragePool: the mean over rows and columns."""
    x = site.activation(0)
    image = only_codes(channels_last(site, x))
    op = scaled.ReduceMean((1, 2), keep_dimensions=True, global_pool=True)
    return channels_first(site, site.computed(op, [image]), len(x.shape))


def reduce_mean(site: Site) -> Real:
    """ReduceMean over some axes, or all."""
    x = site.activation(0)
    axes = site.listed("axes", 1)
    rank = len(x.shape)
    if not axes:
        if site.flag("noop_with_empty_axes"):
            return x
        axes = tuple(range(rank))
    sorted_axes = tuple(sorted({normalized(axis, rank) for axis in axes}))
    op = scaled.ReduceMean(sorted_axes, keep_dimensions=site.flag("keepdims", True))
    return site.computed(op, [x])


def _windows(site: Site, shape: Shape) -> Windows:
    """The windows of a pool; where it rounds their number up, pads at the end make room."""
    windows = read_windows(site, shape, site.numbers("kernel_shape", ()))
    if not site.flag("ceil_mode") or site.text("auto_pad", "NOTSET") != "NOTSET":
        return windows
    plane = shape[2:] if spatial(shape) == 2 else (1, shape[2])
    top, left, bottom, right = windows.pads
    bottom += _room(plane[0], (top, bottom), windows, 0)
    right += _room(plane[1], (left, right), windows, 1)
    return replace(windows, pads=(top, left, bottom, right))


def _room(extent: int, pads: tuple[int, int], windows: Windows, axis: int) -> int:
    """Positions that are missing at the end for a last window that starts before the end pads."""
    reach, stride = span(windows.kernel[axis], windows.dilations[axis]), windows.strides[axis]
    last = -(-(extent + sum(pads) - reach) // stride)
    if last * stride >= extent + pads[0]:
        last -= 1
    return max(last * stride + reach - extent - sum(pads), 0)


def _count(extent: int, windows: Windows, axis: int) -> int:
    reach = span(windows.kernel[axis], windows.dilations[axis])
    return (extent - reach) // windows.strides[axis] + 1


MAX_POOL = Reader(max_pool, (COMPARISON,), (PLANE, AUTO_PAD, MAXIMA_ALONE))
GLOBAL_MAX_POOL = Reader(global_max_pool, (COMPARISON,), (PLANE,))
AVERAGE_POOL = Reader(
    average_pool,
    ("average_pool2d",),
    (quantized(0), PLANE, AUTO_PAD, DENSE_WINDOWS, ONE_ROUNDING_OF_WINDOWS),
)
GLOBAL_AVERAGE_POOL = Reader(global_average_pool, ("global_average_pool",), (quantized(0), PLANE))
REDUCE_MEAN = Reader(
    reduce_mean, ("reduce_mean", "plane_mean"), (quantized(0), constant(1, "axes"))
)
