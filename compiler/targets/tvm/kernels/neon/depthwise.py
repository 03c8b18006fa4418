# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions, eight channels at a time.

With SDOT a register holds four rows of four channels of one column of the plane, interleaved; its
products with the weights of each kernel column that reaches it are sums over those rows.  With
stride 1 the same rows often serve two output rows: weights of 0 leave out what one doesn't reach.

Without SDOT bytes become int16, and each tap is a product of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import Function, Kernel, cast, index, load
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.codes import LANES
from intaglio.compiler.targets.tvm.kernels.neon.contraction import Weights, signed_weights
from intaglio.compiler.targets.tvm.kernels.neon.epilogue import Eights, eights
from intaglio.compiler.targets.tvm.kernels.neon.planes import SLACK, Plane, flip_of, framed
from intaglio.compiler.targets.tvm.kernels.neon.tiles import Form
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, nest, split
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array, contraction
from intaglio.compiler.targets.tvm.kernels.windows import Frame
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

CHANNELS = 8
"""Of a block."""

_GROUP = 4
"""Rows in one lane."""

_DOT_COLUMNS, _LONG_COLUMNS = 12, 8
"""The most output columns of a tile."""


Column = tuple[int, list[list[Expression]]]
"""Its number in a tile, and for each output row two registers of sums."""


@dataclass(frozen=True, slots=True)
class Tile:
    """How many output columns and rows are summed at once."""

    columns: int
    rows: int


def depthwise(scope: Scope, op: fixed.Conv2d, form: Form) -> Kernel | None:
    """The kernel of a convolution of one channel a group, None where this form doesn't serve it."""
    array = scope.constant(1)
    if array is None:
        return None
    channels, kernel_rows, kernel_columns, depth = array.shape
    if op.groups != channels or depth != 1 or channels < CHANNELS:
        return None
    found = contraction(scope, op, array, op.weight_zero_points, op.input_zero_point)
    if found is None:
        return None
    weights = signed_weights(found)
    function = scope.function
    x, y = scope.operand(0), scope.result()
    plane = _plane(function, op, x)
    dots = form is not Form.LONG and op.dilations == (1, 1) and kernel_columns <= _DOT_COLUMNS
    tile = _tile(op, (kernel_rows, kernel_columns), y, dots)
    after = eights(scope, op, weights.total, channels, y)
    make = _Dots if dots else _Taps
    sums = make(function, op, weights, plane, tile, after)
    batch, rows, columns, _ = y.type.shape
    extents = (batch, -(-rows // tile.rows), after.blocks.count, -(-columns // tile.columns))
    with split(function, extents) as (n, ti, block, tj):
        i = function.bind(tirx.min(ti * index(tile.rows), index(rows - tile.rows)))
        j = function.bind(tirx.min(tj * index(tile.columns), index(columns - tile.columns)))
        first = after.blocks.start(Channels(function, index(0)), block)
        corner = plane.offset(n, i * index(op.strides[0]), j * index(op.strides[1])) + first
        pixel = function.bind((n * index(rows) + i) * index(columns) + j)
        constants = after.constants(block)
        waiting: list[tuple[Expression, list[Expression]]] = []
        for m, totals in sums.of(function.bind(corner), block):
            # Stored as soon as they are complete, two at a time: registers are few.
            for q, total in enumerate(totals):
                place = (pixel + index(q * columns + m)) * index(channels) + first
                waiting.append((function.bind(place), total))
            if len(waiting) == 2 or m == tile.columns - 1:
                after.store(waiting, block, constants)
                waiting = []
    return function.finish(f"{'sdot' if dots else 'smlal'} depthwise")


def _plane(function: Function, op: fixed.Conv2d, x: Tensor) -> Plane:
    batch, rows, columns, channels = x.type.shape
    if not any(op.pads) and not flip_of(x):
        return Plane(x.buffer, (rows, columns, channels))
    top, left, bottom, right = op.pads
    size = batch * (rows + top + bottom) * (columns + left + right) * channels
    memory = function.scratch("int8", size + SLACK)
    frame = Frame(op.pads, op.pad_value)
    return framed(function, x, (rows, columns, channels), frame, memory, 0)


def _tile(op: fixed.Conv2d, kernel: tuple[int, int], y: Tensor, dots: bool) -> Tile:
    _, rows, columns, _ = y.type.shape
    both = dots and kernel[0] % _GROUP != 0 and op.strides[0] == 1 and rows > 1
    most = min(columns, _DOT_COLUMNS if dots else _LONG_COLUMNS)
    # The fewest columns of the plane in all; among those the widest tile.
    widths = range(1, most + 1)
    extra = max(kernel[1] - op.strides[1], 0)
    width = min(widths, key=lambda w: (-(-columns // w) * (4 * w + extra + 1), -w))
    return Tile(width, 2 if both else 1)


class _Dots:
    """Sums by SDOT."""

    def __init__(
        self,
        function: Function,
        op: fixed.Conv2d,
        weights: Weights,
        plane: Plane,
        tile: Tile,
        after: Eights,
    ) -> None:
        self._function, self._plane, self._tile = function, plane, tile
        self._stride = op.strides[1]
        _, self._rows, self._columns, _ = weights.codes.shape
        self._groups = -(-(self._rows + tile.rows - 1) // _GROUP)
        self._packed = function.table(self._pack(weights.codes[..., 0], after.blocks.order))
        self._bias = function.table(weights.bias[after.blocks.order])

    def _pack(self, weights: Int8Array, order: list[int]) -> Int8Array:
        """``[block, group, kernel column, output row, channel, plane row]``."""
        channels, rows, columns = weights.shape
        heights = self._tile.rows
        spread = np.zeros((channels, columns, heights, self._groups * _GROUP), dtype=np.int8)
        for q in range(heights):
            spread[:, :, q, q : q + rows] = weights.transpose(0, 2, 1)
        blocks = spread[order].reshape(-1, CHANNELS, columns, heights, self._groups, _GROUP)
        return np.ascontiguousarray(blocks.transpose(0, 4, 2, 3, 1, 5))

    def of(self, corner: Expression, block: Expression) -> Iterator[Column]:
        """Each output column of a tile, when its sums are complete."""
        function, tile = self._function, self._tile
        bias = _loaded(function, self._bias, block, 0)
        totals = {(m, q): bias for m in range(tile.columns) for q in range(tile.rows)}
        size = CHANNELS * _GROUP
        taps = self._groups * self._columns * tile.rows
        base = function.bind(block * index(taps * size))
        known: dict[tuple[int, int, int], list[Expression]] = {}

        def weights(g: int, s: int, q: int) -> list[Expression]:
            if (g, s, q) not in known:
                at = base + index(((g * self._columns + s) * tile.rows + q) * size)
                known[g, s, q] = [
                    function.bind(load(self._packed, at + index(16 * half), 16)) for half in (0, 1)
                ]
            return known[g, s, q]

        for g in range(self._groups):
            for s in range(self._columns):
                for q in range(tile.rows):
                    weights(g, s, q)
        for column in range((tile.columns - 1) * self._stride + self._columns):
            reached = [
                (m, column - m * self._stride)
                for m in range(tile.columns)
                if 0 <= column - m * self._stride < self._columns
            ]
            for g in range(self._groups) if reached else ():
                halves = self._column(corner, column, g)
                for m, s in reached:
                    for q in range(tile.rows):
                        totals[m, q] = [
                            function.bind(instructions.dot(total, half, weight))
                            for total, half, weight in zip(
                                totals[m, q], halves, weights(g, s, q), strict=True
                            )
                        ]
            m, rest = divmod(column - self._columns + 1, self._stride)
            if rest == 0 and m >= 0:
                yield m, [totals.pop((m, q)) for q in range(tile.rows)]

    def _column(self, corner: Expression, column: int, group: int) -> list[Expression]:
        """Four rows of eight channels, row by row within each lane."""
        _, columns, channels = self._plane.shape
        last = self._rows + self._tile.rows - 2
        # Rows that no weight reaches repeat the last one: nothing is read beside the plane.
        rows = [min(group * _GROUP + row, last) for row in range(_GROUP)]
        loaded = {
            row: self._function.bind(
                load(
                    self._plane.buffer,
                    corner + index((row * columns + column) * channels),
                    CHANNELS,
                )
            )
            for row in dict.fromkeys(rows)
        }
        turns = [place + half for place in range(CHANNELS) for half in (0, CHANNELS)]
        pairs = [
            self._function.bind(
                tirx.reinterpret(
                    "int16x8",
                    instructions.shuffled([loaded[rows[first]], loaded[rows[first + 1]]], turns),
                )
            )
            for first in (0, 2)
        ]
        return [
            self._function.bind(
                tirx.reinterpret(
                    "int8x16",
                    instructions.shuffled(
                        pairs,
                        [place for lane in range(4 * h, 4 * h + 4) for place in (lane, lane + 8)],
                    ),
                )
            )
            for h in (0, 1)
        ]


class _Taps:
    """Sums of products of int16."""

    def __init__(
        self,
        function: Function,
        op: fixed.Conv2d,
        weights: Weights,
        plane: Plane,
        tile: Tile,
        after: Eights,
    ) -> None:
        self._function, self._plane, self._tile, self._op = function, plane, tile, op
        _, self._rows, self._columns, _ = weights.codes.shape
        ordered = weights.codes[after.blocks.order, ..., 0].astype(np.int16)
        blocks = ordered.reshape(-1, CHANNELS, self._rows, self._columns)
        self._packed = function.table(np.ascontiguousarray(blocks.transpose(0, 2, 3, 1)))
        self._bias = function.table(weights.bias[after.blocks.order])
        self._cells = function.local("int32", tile.columns * CHANNELS)

    def of(self, corner: Expression, block: Expression) -> Iterator[Column]:
        """Each output column of a tile."""
        function, tile = self._function, self._tile
        bias = _loaded(function, self._bias, block, 0)
        for m in range(tile.columns):
            for half in (0, 1):
                function.store(self._cells, _cell(m, half), bias[half], LANES)
        taps = self._rows * self._columns
        base = function.bind(block * index(taps * CHANNELS))
        _, columns, channels = self._plane.shape
        with nest(function, (self._rows,)) as (r,):
            line = r * index(self._op.dilations[0] * columns * channels)
            row = function.bind(corner + line)
            first = function.bind(base + r * index(self._columns * CHANNELS))
            self._row(row, first)
        for m in range(tile.columns):
            cells = [_cell(m, half) for half in (0, 1)]
            yield m, [[function.bind(load(self._cells, cell, LANES)) for cell in cells]]

    def _row(self, row: Expression, first: Expression) -> None:
        function, stride, dilation = self._function, self._op.strides[1], self._op.dilations[1]
        channels = self._plane.shape[2]
        reached: dict[int, list[tuple[int, int]]] = {}
        for m in range(self._tile.columns):
            for s in range(self._columns):
                reached.setdefault(m * stride + s * dilation, []).append((m, s))
        weights = [
            function.bind(load(self._packed, first + index(s * CHANNELS), CHANNELS))
            for s in range(self._columns)
        ]
        for column, taps in sorted(reached.items()):
            loaded = load(self._plane.buffer, row + index(column * channels), CHANNELS)
            value = function.bind(cast("int16x8", loaded))
            for m, s in taps:
                for half in (0, 1):
                    product = _wide(value, half) * _wide(weights[s], half)
                    total = load(self._cells, _cell(m, half), LANES) + product
                    function.store(self._cells, _cell(m, half), total, LANES)


def _cell(m: int, half: int) -> Expression:
    return index(m * CHANNELS + half * LANES)


def _wide(words: Expression, half: int) -> Expression:
    """Four of eight int16 as int32."""
    places = range(LANES * half, LANES * (half + 1))
    return cast("int32x4", instructions.shuffled([words], places))


def _loaded(function: Function, table: Buffer, block: Expression, first: int) -> list[Expression]:
    start = function.bind(block * index(CHANNELS))
    return [
        function.bind(load(table, start + index(first + LANES * half), LANES)) for half in (0, 1)
    ]
