# SPDX-License-Identifier: Apache-2.0
"""ConvTranspose."""

from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.contractions import plane_weights, planes_result, spread_kernel
from intaglio.frontends.onnx.meanings import QuantizedConstant, Real, Shape
from intaglio.frontends.onnx.planes import Pads, Windows, read_windows, span, spatial
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal


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
        Refusal: the channels can't be grouped so, or the scales don't go by output channel.
    """
    c, each, kh, kw = weights.shape
    if groups < 1 or c % groups:
        raise Refusal(f"has {c} input channels in {groups} groups; groups of equal size expected")
    if weights.quantization.axis not in (None, 1):
        raise Refusal("its weights have a scale for each input channel; use output channels")
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
        Refusal: the result's shape is given in the ways on which runtimes differ; ONNX Runtime 1.31
            refuses an output padding that reaches the stride.
    """
    if "output_shape" in site.node.attributes:
        raise Refusal("states output_shape; state pads and output_padding instead")
    if site.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Refusal("pads automatically; state pads and output_padding instead")
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
