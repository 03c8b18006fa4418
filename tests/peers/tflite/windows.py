# SPDX-License-Identifier: Apache-2.0
"""The planes that windows leave, and TFLite's two kinds of padding."""

from collections.abc import Sequence

SAME, VALID = 0, 1
"""The numbers of the schema's Padding."""


def plane(
    shape: Sequence[int], kernel: int, stride: int, dilation: int, padding: int
) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """The result's rows and columns, and the padding: top, left, bottom, right."""
    reach = (kernel - 1) * dilation + 1
    extents = shape[1:3]
    if padding == VALID:
        rows, columns = ((extent - reach) // stride + 1 for extent in extents)
        return (rows, columns), (0, 0, 0, 0)
    rows, columns = (-(-extent // stride) for extent in extents)
    high, wide = (
        max((count - 1) * stride + reach - extent, 0)
        for count, extent in zip((rows, columns), extents, strict=True)
    )
    return (rows, columns), (high // 2, wide // 2, high - high // 2, wide - wide // 2)
