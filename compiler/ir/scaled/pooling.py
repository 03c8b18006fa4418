# SPDX-License-Identifier: Apache-2.0
"""Pooling, means, sums and interpolation over quantized values (planes are NHWC)."""

from dataclasses import dataclass

from intaglio.compiler.ir.scaled.elementwise import UNBOUNDED, Clip


@dataclass(frozen=True, slots=True)
class MaxPool2d:
    """The largest code of each window; padded elements take no part; x and y share a scale."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class AveragePool2d:
    """real y = clip(mean over each window).

    Attributes:
        kernel: rows, columns.
        strides: rows, columns.
        pads: top, left, bottom, right.
        count_padding: whether padded elements (real zeros) count in the divisor.
        activation: real bounds applied before the result is quantized.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    count_padding: bool = False
    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class ReduceMean:
    """real y = mean over ``axes``; a global average pool is a mean over rows and columns.

    Attributes:
        axes: sorted, counted from the front.
        keep_dimensions: whether a reduced axis stays with extent 1.
        global_pool: whether the source wrote a global average pool (runtimes differ there).
        activation: real bounds applied before the result is quantized.
    """

    axes: tuple[int, ...]
    keep_dimensions: bool
    global_pool: bool = False
    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class ReduceSum:
    """real y = clip(sum over ``axes``).

    Attributes:
        axes: sorted, counted from the front.
        keep_dimensions: whether a reduced axis stays with extent 1.
        activation: real bounds applied before the result is quantized.
    """

    axes: tuple[int, ...]
    keep_dimensions: bool
    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class ResizeLinear:
    """real y = bilinear interpolation between four neighbours (NHWC).

    Source coordinates, by axis: half pixel ``(i + 0.5) * in / out - 0.5``, aligned corners
    ``i * (in - 1) / (out - 1)``, else (asymmetric) ``i * in / out``; clamped to the plane.
    """

    half_pixel: bool
    align_corners: bool
