# SPDX-License-Identifier: Apache-2.0
"""ConvTranspose."""

from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.contractions import (
    PLANE_CONVOLUTION,
    channel_scales,
    plane_weights,
    planes_result,
    spread_kernel,
)
from intaglio.frontends.onnx.expectations import one_of, quantized, without
from intaglio.frontends.onnx.meanings import QuantizedConstant, Real, Shape
from intaglio.frontends.onnx.planes import Pads, Windows, read_windows, span, spatial
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import Reader
from intaglio.frontends.refusal import Refusal

# Runtimes differ on what other ways to give the result's shape mean.
WITHOUT_DATA = (
    *PLANE_CONVOLUTION,
    channel_scales(1, "output channel"),
    one_of("auto_pad", "NOTSET", ("NOTSET", "VALID")),
    without("output_shape", "pads and output_padding"),
)
"""What ConvTranspose expects, its data apart."""


def conv_transpose(site: Site) -> Real:
    """ConvTranspose: x[i] w[k] adds to y[i * stride + k * dilation - pad]."""
    x = site.activation(0)
    groups = site.integer("group", 1)
    stored = plane_weights(site.weights(1), spatial(x.shape))
    w = _ohwi(stored, groups)
    kernel = site.numbers("kernel_shape", spread_kernel(x, stored))
    windows = read_windows(site, x.shape, kernel)
    if windows.kernel != w.shape[1:3]:
        raise Refusal(f"kernel_shape is {windows.kernel}, but its weights are {w.shape[1:3]}")
    pads, extents = _extents(site, x.shape, windows)
    op = scaled.ConvTranspose2d(windows.strides, pads, windows.dilations, groups)
    return planes_result(site, op, x, w, (x.shape[0], *extents, w.shape[0]))


def _ohwi(weights: QuantizedConstant, groups: int) -> QuantizedConstant:
    """``[C, O / groups, kh, kw]`` as ``[O, kh, kw, C / groups]``.

    Raises:
        Refusal: the channels can't be grouped so.
    """
    c, each, kh, kw = weights.shape
    if groups < 1 or c % groups:
        raise Refusal(f"has {c} input channels in {groups} groups; groups of equal size expected")
    grouped = weights.array.reshape(groups, c // groups, each, kh, kw)
    array = np.transpose(grouped, (0, 2, 3, 4, 1)).reshape(groups * each, kh, kw, c // groups)
    return replace(weights, array=array, quantization=_repeated(weights.quantization, groups))


def _repeated(quantization: Quantization, groups: int) -> Quantization:
    """Scales of one group's output channels for those of all groups, one group after another."""
    if quantization.axis is None:
        return quantization
    zero_points = quantization.zero_points
    repeated = zero_points * groups if len(zero_points) > 1 else zero_points
    return Quantization(quantization.scales * groups, repeated, axis=0)


def _extents(site: Site, shape: Shape, windows: Windows) -> tuple[Pads, tuple[int, int]]:
    """Pads and extents of the result.

    Raises:
        Refusal: ONNX Runtime 1.31 refuses an output padding that reaches the stride.
    """
    count = spatial(shape)
    extra = site.numbers("output_padding", (0,) * count)
    if len(extra) != count or min(extra) < 0:
        raise Refusal(f"output_padding is {list(extra)}; {count} numbers from 0 on are expected")
    top, left, bottom, right = windows.pads
    plane = shape[2:] if count == 2 else (1, shape[2])
    extra = extra if count == 2 else (0, extra[0])
    if any(more >= stride for more, stride in zip(extra, windows.strides, strict=True)):
        raise Refusal(
            f"output_padding is {list(extra[-count:])}; less than the strides "
            f"{list(windows.strides[-count:])} is expected"
        )
    rows, columns = (
        (plane[axis] - 1) * windows.strides[axis]
        + span(windows.kernel[axis], windows.dilations[axis])
        + extra[axis]
        - pads
        for axis, pads in ((0, top + bottom), (1, left + right))
    )
    return windows.pads, (rows, columns)


CONV_TRANSPOSE = Reader(conv_transpose, ("conv_transpose2d",), (quantized(0), *WITHOUT_DATA))
