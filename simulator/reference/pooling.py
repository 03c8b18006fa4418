# SPDX-License-Identifier: Apache-2.0
"""Pooling and interpolation on Python ints and soft floats."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import assert_never

from intaglio.compiler.ir.fixed import (
    AveragePool2d,
    Float32Average,
    MaxPool2d,
    PoolArithmetic,
    RequantizedSum,
    ResizeLinear,
)
from intaglio.compiler.ir.graph import Array
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding
from intaglio.simulator.reference.containers import planes


def max_pool2d(op: MaxPool2d, x: Array, shape: tuple[int, ...]) -> list[int]:
    """``MaxPool2d``; ``shape`` is the result's."""
    return [max(values) for window, _ in _windows(op, op.dilations, x, shape) for values in window]


def average_pool2d(op: AveragePool2d, x: Array, shape: tuple[int, ...]) -> list[int]:
    """``AveragePool2d``; ``shape`` is the result's."""
    return [
        _average(op.arithmetic, values, positions if op.count_padding else len(values))
        for window, positions in _windows(op, (1, 1), x, shape)
        for values in window
    ]


def _windows(
    op: MaxPool2d | AveragePool2d,
    dilations: tuple[int, int],
    x: Array,
    shape: tuple[int, ...],
) -> Iterator[tuple[list[list[int]], int]]:
    """For each place of the window: by channel, the elements of x below it, rows first.

    And how many places of the window lie on x with its padding.
    """
    _, rows, columns, channels = x.shape
    top, left, bottom, right = op.pads
    for plane in planes(x):
        for i, j in product(range(shape[1]), range(shape[2])):
            down = partial(_covered, i, op.kernel[0], op.strides[0], top, dilations[0])
            across = partial(_covered, j, op.kernel[1], op.strides[1], left, dilations[1])
            pixels = [plane[r][c] for r in down(0, rows) for c in across(0, columns)]
            positions = len(down(-top, rows + bottom)) * len(across(-left, columns + right))
            yield [[pixel[channel] for pixel in pixels] for channel in range(channels)], positions


def _covered(
    place: int, kernel: int, stride: int, pad: int, dilation: int, first: int, end: int
) -> list[int]:
    """The indices from ``first`` to below ``end`` that the window covers along one axis."""
    start = place * stride - pad
    return [at for at in range(start, start + kernel * dilation, dilation) if first <= at < end]


def _average(arithmetic: PoolArithmetic, values: Sequence[int], count: int) -> int:
    match arithmetic:
        case RequantizedSum():
            total = sum(value - arithmetic.input_zero_point for value in values)
            return arithmetic.by_count[count - 1].apply(total)
        case Float32Average():
            return _float32_average(arithmetic, values, count)
        case _:
            assert_never(arithmetic)


def _float32_average(arithmetic: Float32Average, values: Sequence[int], count: int) -> int:
    total = Float32.from_integer(0)
    for value in values:
        centred = Float32.from_integer(value - arithmetic.input_zero_point)
        total = float32.add(total, float32.multiply(centred, arithmetic.input_scale))
    mean = float32.divide(total, Float32.from_integer(count))
    code = float32.add(
        float32.divide(mean, arithmetic.output_scale),
        Float32.from_integer(arithmetic.output_zero_point),
    )
    rounded = float32.round_to_integer(code, Rounding.HALF_EVEN)
    return min(max(rounded, arithmetic.low), arithmetic.high)


def resize_linear(op: ResizeLinear, x: Array) -> list[int]:
    """``ResizeLinear``."""
    tall, wide = op.row_denominator, op.column_denominator
    rows = list(zip(op.rows_low, op.rows_high, op.row_weights, strict=True))
    columns = list(zip(op.columns_low, op.columns_high, op.column_weights, strict=True))
    return [
        (plane[up][left][c] * (wide - across) + plane[up][right][c] * across) * (tall - down)
        + (plane[low][left][c] * (wide - across) + plane[low][right][c] * across) * down
        for plane in planes(x)
        for up, low, down in rows
        for left, right, across in columns
        for c in range(x.shape[3])
    ]
