# SPDX-License-Identifier: Apache-2.0
"""Convolutions, matrix products and reductions as sums of Python ints."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from operator import mul

from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d, MatMul, ReduceSum
from intaglio.compiler.ir.graph import Array
from intaglio.numerics.accumulator import Accumulator
from intaglio.simulator.reference.containers import integers, planes, rows
from intaglio.simulator.reference.sums import accumulate

Keep = Callable[[Iterable[int], int, Accumulator], int]
"""The result of one sum from its products, its bias and where it is kept."""


def conv2d(
    op: Conv2d,
    x: Array,
    weights: Array,
    bias: Array | None,
    shape: tuple[int, ...],
    keep: Keep = accumulate,
) -> list[int]:
    """``Conv2d``; ``shape`` is the result's."""
    outputs, kernel_rows, kernel_columns, group_inputs = weights.shape
    group_outputs = outputs // op.groups
    taps = [(r, s) for r in range(kernel_rows) for s in range(kernel_columns)]
    kernels = [
        [weight for row in kernel for tap in row for weight in tap]
        for kernel in _kernels(weights, op.weight_zero_points)
    ]
    biases = _biases(bias, outputs)
    sums: list[int] = []
    for plane in _padded(op, x):
        for i, j in product(range(shape[1]), range(shape[2])):
            top, left = i * op.strides[0], j * op.strides[1]
            pixels = [plane[top + r * op.dilations[0]][left + s * op.dilations[1]] for r, s in taps]
            for group in range(op.groups):
                first = group * group_inputs
                window = [v for pixel in pixels for v in pixel[first : first + group_inputs]]
                sums.extend(
                    keep(map(mul, window, kernels[o]), biases[o], op.accumulator)
                    for o in range(group * group_outputs, (group + 1) * group_outputs)
                )
    return sums


def _padded(op: Conv2d, x: Array) -> list[list[list[list[int]]]]:
    """The planes of x without their zero point, in a frame of padded elements."""
    top, left, bottom, right = op.pads
    _, _, columns, channels = x.shape
    border = [op.pad_value - op.input_zero_point] * channels
    blank = [border] * (left + columns + right)
    return [
        [
            *([blank] * top),
            *([*([border] * left), *row, *([border] * right)] for row in plane),
            *([blank] * bottom),
        ]
        for plane in _centred(x, op.input_zero_point)
    ]


def _centred(x: Array, zero_point: int) -> list[list[list[list[int]]]]:
    return [
        [[[v - zero_point for v in pixel] for pixel in row] for row in plane] for plane in planes(x)
    ]


def _kernels(weights: Array, zero_points: Sequence[int]) -> list[list[list[list[int]]]]:
    """By output channel, kernel row and kernel column: the weights without their zero point."""
    return [
        [[[w - _of_channel(zero_points, o) for w in tap] for tap in row] for row in kernel]
        for o, kernel in enumerate(planes(weights))
    ]


def _of_channel(values: Sequence[int], channel: int) -> int:
    return values[channel if len(values) > 1 else 0]


def _biases(bias: Array | None, outputs: int) -> list[int]:
    return [0] * outputs if bias is None else integers(bias)


def conv_transpose2d(
    op: ConvTranspose2d,
    x: Array,
    weights: Array,
    bias: Array | None,
    shape: tuple[int, ...],
    keep: Keep = accumulate,
) -> list[int]:
    """``ConvTranspose2d``; ``shape`` is the result's."""
    outputs, kernel_rows, kernel_columns, group_inputs = weights.shape
    group_outputs = outputs // op.groups
    kernels = _kernels(weights, op.weight_zero_points)
    biases = _biases(bias, outputs)
    sums: list[int] = []
    for plane in _centred(x, op.input_zero_point):
        for p, q, o in product(range(shape[1]), range(shape[2]), range(outputs)):
            first = o // group_outputs * group_inputs
            # A tap that meets nothing is a term as well, so that partial sums begin where they do.
            terms = [0] * (kernel_rows * kernel_columns * group_inputs)
            for r, i in _sources(op, 0, p, kernel_rows, x.shape[1]):
                for s, j in _sources(op, 1, q, kernel_columns, x.shape[2]):
                    start = (r * kernel_columns + s) * group_inputs
                    pixel = plane[i][j][first : first + group_inputs]
                    terms[start : start + group_inputs] = map(mul, pixel, kernels[o][r][s])
            sums.append(keep(terms, biases[o], op.accumulator))
    return sums


def _sources(
    op: ConvTranspose2d, axis: int, position: int, kernel: int, extent: int
) -> list[tuple[int, int]]:
    """Each kernel index with the input index that it brings to ``position``."""
    stride, dilation, pad = op.strides[axis], op.dilations[axis], op.pads[axis]
    found: list[tuple[int, int]] = []
    for tap in range(kernel):
        source, rest = divmod(position + pad - tap * dilation, stride)
        if rest == 0 and 0 <= source < extent:
            found.append((tap, source))
    return found


def matmul(
    op: MatMul, a: Array, b: Array, bias: Array | None, keep: Keep = accumulate
) -> list[int]:
    """``MatMul``."""
    depth, width = b.shape[-2:]
    biases = _biases(bias, width)
    # One matrix b serves all rows of a; else each leading index has its own.
    left = a.reshape(1, -1, depth) if b.ndim == 2 else a.reshape(-1, a.shape[-2], depth)
    right = b.reshape(-1, depth, width)
    sums: list[int] = []
    for matrix, other in zip(left, right, strict=True):
        columns = [
            [v - _of_channel(op.right_zero_points, n) for v in column]
            for n, column in enumerate(rows(other.T))
        ]
        for row in rows(matrix):
            centred = [v - op.left_zero_point for v in row]
            sums.extend(
                keep(map(mul, centred, columns[n]), biases[n], op.accumulator) for n in range(width)
            )
    return sums


def reduce_sum(op: ReduceSum, x: Array, keep: Keep = accumulate) -> list[int]:
    """``ReduceSum``."""
    kept = [axis for axis in range(x.ndim) if axis not in op.axes]
    count = 1
    for axis in op.axes:
        count *= x.shape[axis]
    lines = x.transpose(*kept, *op.axes).reshape(-1, count)
    return [
        keep((v - op.input_zero_point for v in line), 0, op.accumulator) for line in rows(lines)
    ]
