# SPDX-License-Identifier: Apache-2.0
"""Pooling and interpolation over integers (planes are NHWC)."""

from dataclasses import dataclass

from intaglio.numerics.float32 import Float32
from intaglio.numerics.requantizers import Requantizer


@dataclass(frozen=True, slots=True)
class MaxPool2d:
    """The largest element of each window; padded positions take no part."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class RequantizedSum:
    """y = by_count[n - 1](Σ (x - input_zero_point)): exact sum, then the requantizer for divisor n.

    Padded positions add nothing.  ``by_count`` has an entry for each divisor up to the kernel's
    size (so that the division may be folded into a multiplier).
    """

    input_zero_point: int
    by_count: tuple[Requantizer, ...]


@dataclass(frozen=True, slots=True)
class Float32Average:
    """y = clamp(half_even(fl32(fl32(mean / output_scale) + output_zero_point)), low, high).

    mean = fl32(sum / n) where the sum runs in float32 over the window by rows, then columns,
    starting at 0, each term fl32(fl32(x - input_zero_point) * input_scale).
    Source: ONNX Runtime 1.31 QLinearAveragePool.
    """

    input_scale: Float32
    input_zero_point: int
    output_scale: Float32
    output_zero_point: int
    low: int
    high: int


PoolArithmetic = RequantizedSum | Float32Average


@dataclass(frozen=True, slots=True)
class AveragePool2d:
    """The mean of each window by a stated arithmetic.

    Attributes:
        arithmetic: how the sum becomes a mean.
        kernel: rows, columns.
        strides: rows, columns.
        pads: top, left, bottom, right.
        count_padding: whether the divisor n counts padded positions.
    """

    arithmetic: PoolArithmetic
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    count_padding: bool = False


@dataclass(frozen=True, slots=True)
class ResizeLinear:
    """acc[n,i,j,c] = Σ x[n, row, column, c] * row weight * column weight over four neighbours.

    By axis: the high neighbour has the weight ``weight``, the low one ``denominator - weight``.
    The exact sum is ``row_denominator * column_denominator`` times the mean; ``Requantize``
    follows.
    """

    rows_low: tuple[int, ...]
    rows_high: tuple[int, ...]
    row_weights: tuple[int, ...]
    columns_low: tuple[int, ...]
    columns_high: tuple[int, ...]
    column_weights: tuple[int, ...]
    row_denominator: int
    column_denominator: int
