# SPDX-License-Identifier: Apache-2.0
"""Windows over planes: attributes that convolutions and pools share, and the way to NHWC and back.

A one-dimensional signal ``[N, C, L]`` is a plane of one row, ``[N, 1, L, C]``.
"""

from dataclasses import dataclass

from intaglio.compiler.ir import scaled
from intaglio.frontends.onnx.emitter import MAXIMUM_ELEMENTS
from intaglio.frontends.onnx.expectations import one_of
from intaglio.frontends.onnx.meanings import Real, Shape
from intaglio.frontends.onnx.moving import NCHW_TO_NHWC, NHWC_TO_NCHW, permuted
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]

_TO_LAST = (0, 2, 1)

AUTO_PAD = one_of("auto_pad", "NOTSET", ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"))


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows lie on a plane: rows, columns; pads as top, left, bottom, right."""

    kernel: Pair
    strides: Pair
    dilations: Pair
    pads: Pads


def read_windows(site: Site, shape: Shape, kernel: tuple[int, ...]) -> Windows:
    """The windows of a convolution or pool over a value of ``shape`` (NCHW or NCL).

    Raises:
        Refusal: lists of wrong length, values below their least.
    """
    count = spatial(shape)
    kernel = _least(site, "kernel_shape", kernel, count, 1)
    strides = _least(site, "strides", site.numbers("strides", (1,) * count), count, 1)
    dilations = _least(site, "dilations", site.numbers("dilations", (1,) * count), count, 1)
    pads = _pads(site, shape[2:], kernel, strides, dilations)
    if count == 1:
        return Windows((1, kernel[0]), (1, strides[0]), (1, dilations[0]), (0, pads[0], 0, pads[1]))
    top, left, bottom, right = pads
    return Windows(
        (kernel[0], kernel[1]),
        (strides[0], strides[1]),
        (dilations[0], dilations[1]),
        (top, left, bottom, right),
    )


def spatial(shape: Shape) -> int:
    """Number of axes besides batch and channels.

    Raises:
        Refusal: other than one or two.
    """
    if len(shape) not in (3, 4):
        raise Refusal(f"works on a value of shape {shape}; [N, C, H, W] or [N, C, L] is expected")
    return len(shape) - 2


def channels_last(site: Site, value: Real) -> Real:
    """``[N, C, H, W]`` as ``[N, H, W, C]``, ``[N, C, L]`` as ``[N, 1, L, C]``.

    Raises:
        Refusal: the value has another rank.
    """
    shape = value.shape
    if spatial(shape) == 2:
        nhwc = permuted(shape, NCHW_TO_NHWC)
        return site.move(scaled.Transpose(NCHW_TO_NHWC), value, nhwc, ".nhwc")
    nlc = permuted(shape, _TO_LAST)
    turned = site.move(scaled.Transpose(_TO_LAST), value, nlc, ".nlc")
    return site.move(scaled.Reshape(), turned, (nlc[0], 1, nlc[1], nlc[2]), ".nhwc")


def channels_first(site: Site, value: Real, rank: int) -> Real:
    """The way back from NHWC to the layout of the user's model."""
    n, h, w, c = value.shape
    if rank == 4:
        return site.move(scaled.Transpose(NHWC_TO_NCHW), value, (n, c, h, w), ".nchw")
    flat = site.move(scaled.Reshape(), value, (n, w, c), ".nlc")
    return site.move(scaled.Transpose(_TO_LAST), flat, (n, c, w), ".ncl")


def span(kernel: int, dilation: int) -> int:
    """How many positions a window reaches over."""
    return dilation * (kernel - 1) + 1


def _least(site: Site, name: str, values: tuple[int, ...], count: int, least: int) -> Shape:
    if len(values) != count or min(values) < least:
        raise Refusal(f"{name} is {list(values)}; {count} numbers from {least} on are expected")
    if max(values) > MAXIMUM_ELEMENTS:
        raise Refusal(f"{name} is {list(values)}; at most {MAXIMUM_ELEMENTS} is expected")
    return values


def _pads(
    site: Site, extents: Shape, kernel: Shape, strides: Shape, dilations: Shape
) -> tuple[int, ...]:
    mode = site.text("auto_pad", "NOTSET")
    count = len(extents)
    match mode:
        case "NOTSET":
            pads = site.numbers("pads", (0,) * (2 * count))
            return _least(site, "pads", pads, 2 * count, 0)
        case "VALID":
            return (0,) * (2 * count)
        case _:
            return same_pads(extents, kernel, strides, dilations, upper=mode == "SAME_UPPER")


def same_pads(
    extents: Shape, kernel: Shape, strides: Shape, dilations: Shape, *, upper: bool
) -> tuple[int, ...]:
    """Pads that make ceil(extent / stride) windows; an odd one goes to the end if ``upper``.

    Raises:
        Refusal: wide windows with wider gaps, which runtimes place differently.
    """
    before: list[int] = []
    after: list[int] = []
    for extent, taps, stride, dilation in zip(extents, kernel, strides, dilations, strict=True):
        windows = -(-extent // stride)
        total = (windows - 1) * stride + span(taps, dilation) - extent
        if total < 0 and taps > 1:
            raise Refusal("pads automatically where windows leave elements out; state pads instead")
        total = max(total, 0)
        before.append(total // 2 if upper else total - total // 2)
        after.append(total - before[-1])
    return (*before, *after)
