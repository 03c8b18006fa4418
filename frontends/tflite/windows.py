# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite's two kinds of padding, in numbers."""

from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.model import Shape
from intaglio.frontends.tflite.site import Site

Pads = tuple[int, int, int, int]
"""Top, left, bottom, right."""

_SAME, _VALID = 0, 1


@expects("the padding SAME or VALID")
def PADDING(site: Site) -> str | None:
    """The padding is one of the schema's two."""
    found = site.integer("Padding")
    return None if found in (_SAME, _VALID) else f"has the option Padding = {found}"


def strides(site: Site) -> tuple[int, int]:
    """Rows, columns."""
    return site.integer("StrideH"), site.integer("StrideW")


def dilations(site: Site) -> tuple[int, int]:
    """Rows, columns."""
    return site.integer("DilationHFactor"), site.integer("DilationWFactor")


def padding(
    site: Site, plane: Shape, kernel: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Pads:
    """What pads the plane ``[N, H, W, C]``, so that SAME gives a window a stride.

    An odd rest goes below and to the right.

    Raises:
        Refusal: the plane hasn't four axes.
    """
    if len(plane) != 4:
        raise Refusal(f"has a plane of shape {list(plane)}; [N, H, W, C] is expected")
    if site.integer("Padding") == _VALID:
        return (0, 0, 0, 0)
    (top, bottom), (left, right) = (
        _same(extent, size, stride, step)
        for extent, size, stride, step in zip(
            plane[1:3], kernel, strides(site), dilation, strict=True
        )
    )
    return (top, left, bottom, right)


def _same(extent: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    count = -(-extent // stride)
    total = max((count - 1) * stride + (kernel - 1) * dilation + 1 - extent, 0)
    return total // 2, total - total // 2
