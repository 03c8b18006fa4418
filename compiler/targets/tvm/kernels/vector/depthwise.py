# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions: four rows of one column, and as many channels as lanes, are one vector.

A column's bytes, interleaved so that a lane holds four rows of its channel, meet the weights of
each kernel column that reaches it.  With three kernel rows and stride 1 the same four rows serve
two output rows: weights of 0 leave the row out that one of them doesn't reach.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import Function, Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, nest, split
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array, contraction
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks, Epilogue
from intaglio.compiler.targets.tvm.kernels.vector.padding import Plane, framed, plane_of
from intaglio.compiler.targets.tvm.kernels.vector.unit import GROUP, Unit
from intaglio.compiler.targets.tvm.kernels.windows import Frame
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

_COLUMNS = 20
"""The most plane columns of a tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """How many output columns and rows are summed at once."""

    columns: int
    rows: int


def depthwise(scope: Scope, op: fixed.Conv2d, unit: Unit) -> Kernel | None:
    """The kernel of a convolution of one channel a group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if weights is None or not _served(op, weights.shape, unit):
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
    blocks = Blocks(channels, unit.lanes)
    epilogue = Epilogue(scope, op, found.total, blocks, y)
    kernel = (weights.shape[1], weights.shape[2])
    tile = _tile(op, kernel, rows, columns, unit)
    packed = function.table(_packed(found.weights[..., 0], blocks, tile.rows))
    bias = function.table(found.bias[blocks.order])
    with split(function, (batch, -(-rows // tile.rows), blocks.count)) as (n, ti, block):
        i = function.bind(tirx.min(ti * index(tile.rows), index(rows - tile.rows)))
        first = blocks.start(Channels(function, index(0)), block)
        with nest(function, (-(-columns // tile.columns),)) as (tj,):
            j = function.bind(tirx.min(tj * index(tile.columns), index(columns - tile.columns)))
            corner = plane.offset(n, i * index(op.strides[0]), j * index(op.strides[1])) + first
            sums = _Sums(function, unit, tile, kernel, op, packed, bias, block)
            sums.accumulate(plane, function.bind(corner))
            pixel = function.bind((n * index(rows) + i) * index(columns) + j)
            for q in range(tile.rows):
                for m in range(tile.columns):
                    to = (pixel + index(q * columns + m)) * index(channels) + first
                    epilogue.store(function.bind(to), block, sums.value(m, q))
    return scope.function.finish(f"{unit.name} depthwise")


def _served(op: fixed.Conv2d, shape: tuple[int, ...], unit: Unit) -> bool:
    channels, kernel_rows, kernel_columns, depth = shape
    return (
        op.groups == channels
        and depth == 1
        and channels >= unit.lanes
        and kernel_rows <= GROUP
        and kernel_columns <= _COLUMNS // 2
        and op.dilations == (1, 1)
    )


def _tile(op: fixed.Conv2d, kernel: tuple[int, int], rows: int, columns: int, unit: Unit) -> Tile:
    both = kernel[0] < GROUP and op.strides[0] == 1 and rows > 1
    height = 2 if both else 1
    accumulators = unit.accumulators * 4 // 7

    def fits(width: int) -> bool:
        read = (width - 1) * op.strides[1] + kernel[1]
        return width * height <= accumulators and read <= _COLUMNS

    widths = [width for width in range(1, columns + 1) if fits(width)]
    # The fewest columns in all; among those the widest tile.
    return Tile(min(widths, key=lambda w: (-(-columns // w) * (w + 1), -w)), height)


def _packed(weights: Int8Array, blocks: Blocks, heights: int) -> Int8Array:
    """``[block, kernel column, output row, lane, plane row]``."""
    channels, kernel_rows, kernel_columns = weights.shape
    spread = np.zeros((channels, kernel_columns, heights, GROUP), dtype=np.int8)
    for q in range(heights):
        spread[:, :, q, q : q + kernel_rows] = weights.transpose(0, 2, 1)
    lanes = spread[blocks.order].reshape(-1, blocks.lanes, kernel_columns, heights, GROUP)
    return np.ascontiguousarray(lanes.transpose(0, 2, 3, 1, 4))


class _Sums:
    """The accumulators of one tile."""

    def __init__(
        self,
        function: Function,
        unit: Unit,
        tile: Tile,
        kernel: tuple[int, int],
        op: fixed.Conv2d,
        packed: Buffer,
        bias: Buffer,
        block: Expression,
    ) -> None:
        self._function, self._unit, self._tile = function, unit, tile
        self._kernel, self._op = kernel, op
        lanes = unit.lanes
        start = function.bind(load(bias, block * index(lanes), lanes))
        self._totals = {(m, q): start for m in range(tile.columns) for q in range(tile.rows)}
        size = lanes * GROUP
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
                    added = self._unit.dot(total, vector, self._weights[s, q])
                    self._totals[m, q] = function.bind(added)

    def _column(self, plane: Plane, corner: Expression, column: int) -> Expression:
        """Four rows of a vector of channels, row by row within each lane."""
        lanes = self._unit.lanes
        reached = self._kernel[0] + self._tile.rows - 1
        _, columns, channels = plane.shape
        # Rows that no weight reaches repeat the last one: nothing is read beside the plane.
        rows = [min(row, reached - 1) for row in range(GROUP)]
        loaded = [
            plane.vector(corner + index((row * columns + column) * channels), lanes) for row in rows
        ]
        places = [lane + lanes * row for lane in range(lanes) for row in range(GROUP)]
        return tirx.Shuffle(loaded, [index(place) for place in places])

    def value(self, m: int, q: int) -> Expression:
        """The sums of one pixel."""
        return self._totals[m, q]
