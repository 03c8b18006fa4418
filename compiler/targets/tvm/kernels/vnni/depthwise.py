# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions: four rows of one column and sixteen channels are one vector.

A column's bytes, interleaved so that a lane holds four rows of its channel, meet the weights of
each kernel column that reaches it.  With three kernel rows and stride 1 the same four rows serve
two output rows: weights of 0 leave the row out that one of them doesn't reach.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import Function, Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, nest
from intaglio.compiler.targets.tvm.kernels.vnni.contraction import (
    GROUP,
    LANES,
    Blocks,
    Epilogue,
    Int8Array,
    contraction,
    dot,
)
from intaglio.compiler.targets.tvm.kernels.vnni.padding import Frame, Plane, framed, plane_of
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

FORM = "avx512-vnni depthwise"
_INTERLEAVED = [lane + LANES * row for lane in range(LANES) for row in range(GROUP)]
_ACCUMULATORS = 16
_COLUMNS = 20
"""Interleaved columns of a tile; with accumulators and weights they fill the registers."""


@dataclass(frozen=True, slots=True)
class Tile:
    """How many output columns and rows are summed at once."""

    columns: int
    rows: int


def depthwise(scope: Scope, op: fixed.Conv2d) -> Kernel | None:
    """The kernel of a convolution of one channel a group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if weights is None or not _served(op, weights.shape):
        return None
    found = contraction(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    if found is None:
        return None
    function = scope.function
    x, y = scope.operand(0), scope.result()
    _, height, width, channels = x.type.shape
    shape = (height, width, channels)
    if any(op.pads):
        plane = framed(function, x, shape, Frame(op.pads, op.pad_value), found.offset)
    else:
        plane = plane_of(x, shape, found.offset)
    batch, rows, columns, _ = y.type.shape
    blocks = Blocks(channels)
    epilogue = Epilogue(scope, op, found.total, blocks, y)
    kernel = (weights.shape[1], weights.shape[2])
    tile = _tile(op, kernel, rows, columns)
    packed = function.table(_packed(found.weights[..., 0], blocks, tile.rows))
    bias = function.table(found.bias[blocks.order])
    with nest(function, (batch, -(-rows // tile.rows), len(blocks.starts))) as (n, ti, block):
        i = function.bind(tirx.min(ti * index(tile.rows), index(rows - tile.rows)))
        first = blocks.start(Channels(function, index(0)), block)
        with nest(function, (-(-columns // tile.columns),)) as (tj,):
            j = function.bind(tirx.min(tj * index(tile.columns), index(columns - tile.columns)))
            corner = plane.offset(n, i * index(op.strides[0]), j * index(op.strides[1])) + first
            sums = _Sums(function, tile, kernel, op, packed, bias, block)
            sums.accumulate(plane, function.bind(corner))
            pixel = function.bind((n * index(rows) + i) * index(columns) + j)
            for q in range(tile.rows):
                for m in range(tile.columns):
                    to = (pixel + index(q * columns + m)) * index(channels) + first
                    epilogue.store(function.bind(to), block, sums.value(m, q))
    return scope.function.finish(FORM)


def _served(op: fixed.Conv2d, shape: tuple[int, ...]) -> bool:
    channels, kernel_rows, kernel_columns, depth = shape
    return (
        op.groups == channels
        and depth == 1
        and channels >= LANES
        and kernel_rows <= GROUP
        and kernel_columns <= _COLUMNS // 2
        and op.dilations == (1, 1)
    )


def _tile(op: fixed.Conv2d, kernel: tuple[int, int], rows: int, columns: int) -> Tile:
    both = kernel[0] < GROUP and op.strides[0] == 1 and rows > 1
    height = 2 if both else 1

    def fits(width: int) -> bool:
        read = (width - 1) * op.strides[1] + kernel[1]
        return width * height <= _ACCUMULATORS and read <= _COLUMNS

    widths = [width for width in range(1, columns + 1) if fits(width)]
    # The fewest columns in all; among those the widest tile.
    return Tile(min(widths, key=lambda w: (-(-columns // w) * (w + 1), -w)), height)


def _packed(weights: Int8Array, blocks: Blocks, heights: int) -> Int8Array:
    """``[block, kernel column, output row, lane, plane row]``."""
    channels, kernel_rows, kernel_columns = weights.shape
    spread = np.zeros((channels, kernel_columns, heights, GROUP), dtype=np.int8)
    for q in range(heights):
        spread[:, :, q, q : q + kernel_rows] = weights.transpose(0, 2, 1)
    lanes = spread[blocks.order].reshape(-1, LANES, kernel_columns, heights, GROUP)
    return np.ascontiguousarray(lanes.transpose(0, 2, 3, 1, 4))


class _Sums:
    """The accumulators of one tile."""

    def __init__(
        self,
        function: Function,
        tile: Tile,
        kernel: tuple[int, int],
        op: fixed.Conv2d,
        packed: Buffer,
        bias: Buffer,
        block: Expression,
    ) -> None:
        self._function, self._tile, self._kernel, self._op = function, tile, kernel, op
        start = function.bind(load(bias, block * index(LANES), LANES))
        self._totals = {(m, q): start for m in range(tile.columns) for q in range(tile.rows)}
        size = LANES * GROUP
        base = function.bind(block * index(kernel[1] * tile.rows * size))
        self._weights = {
            (s, q): function.bind(load(packed, base + index((s * tile.rows + q) * size), size))
            for s in range(kernel[1])
            for q in range(tile.rows)
        }

    def accumulate(self, plane: Plane, corner: Expression) -> None:
        """Add all products, column by column of the plane."""
        function, stride = self._function, self._op.strides[1]
        for column in range((self._tile.columns - 1) * stride + self._kernel[1]):
            vector = function.bind(self._column(plane, corner, column))
            for (m, q), total in self._totals.items():
                s = column - m * stride
                if 0 <= s < self._kernel[1]:
                    added = dot(total, vector, self._weights[s, q])
                    self._totals[m, q] = function.bind(added)

    def _column(self, plane: Plane, corner: Expression, column: int) -> Expression:
        """Four rows of sixteen channels, row by row within each lane."""
        reached = self._kernel[0] + self._tile.rows - 1
        _, columns, channels = plane.shape
        # Rows that no weight reaches repeat the last one: nothing is read beside the plane.
        rows = [min(row, reached - 1) for row in range(GROUP)]
        loaded = [
            plane.vector(corner + index((row * columns + column) * channels), LANES) for row in rows
        ]
        return tirx.Shuffle(loaded, [index(place) for place in _INTERLEAVED])

    def value(self, m: int, q: int) -> Expression:
        """The sums of one pixel."""
        return self._totals[m, q]
