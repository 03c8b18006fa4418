# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one group and products with a constant matrix: tiles of pixels by channels."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm.function import Kernel, index
from intaglio.compiler.targets.tvm.kernels.neon.contraction import Weights, signed_weights
from intaglio.compiler.targets.tvm.kernels.neon.epilogue import epilogue
from intaglio.compiler.targets.tvm.kernels.neon.planes import (
    SLACK,
    Plane,
    flip_of,
    framed,
    side_by_side,
    whole_steps,
)
from intaglio.compiler.targets.tvm.kernels.neon.tiles import STEP, Form, Run, Sums, Tile
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, split
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array, contraction
from intaglio.compiler.targets.tvm.kernels.windows import NO_FRAME, Frame, Windows
from intaglio.compiler.targets.tvm.library import tirx


def convolution(scope: Scope, op: fixed.Conv2d, form: Form) -> Kernel | None:
    """The kernel of a convolution of one group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if op.groups != 1 or weights is None:
        return None
    found = contraction(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    if found is None:
        return None
    x, y = scope.operand(0), scope.result()
    _, rows, columns, channels = x.type.shape
    batch, out_rows, out_columns, _ = y.type.shape
    windows = Windows(batch, out_rows, out_columns, op.strides, op.dilations[0])
    layer = Layer(scope, op, form, signed_weights(found), x, y)
    return layer.kernel((rows, columns, channels), windows, Frame(op.pads, op.pad_value))


def matmul(scope: Scope, op: fixed.MatMul, form: Form) -> Kernel | None:
    """The kernel of a product with one constant matrix, None where this form doesn't serve it."""
    matrix = scope.constant(1)
    if matrix is None or matrix.ndim != 2:
        return None
    depth, outputs = matrix.shape
    weights: Array = np.ascontiguousarray(matrix.T).reshape(outputs, 1, 1, depth)
    found = contraction(scope, op, weights, op.right_zero_points, op.left_zero_point)
    if found is None:
        return None
    x, y = scope.operand(0), scope.result()
    rows = x.type.size // depth
    layer = Layer(scope, op, form, signed_weights(found), x, y)
    return layer.kernel((1, rows, depth), Windows(1, 1, rows, (1, 1), 1), NO_FRAME)


@dataclass(frozen=True, slots=True)
class Layer:
    """What both ops need.

    Attributes:
        scope: the node.
        op: its op.
        form: what sums.
        weights: ``[O, kh, kw, C]``.
        x: the operand.
        y: the result.
    """

    scope: Scope
    op: AccumulateOp
    form: Form
    weights: Weights
    x: Tensor
    y: Tensor

    def kernel(self, shape: tuple[int, int, int], windows: Windows, frame: Frame) -> Kernel:
        """All outputs, tile by tile."""
        dilation = self.op.dilations[1] if isinstance(self.op, fixed.Conv2d) else 1
        line = _spread(self.weights.codes, dilation)
        plane, windows, line = self._plane(shape, windows, frame, line)
        if plane.shape[:2] == (windows.rows, windows.columns) and line.shape[1] == 1:
            # Without a frame and strides, pixels of all rows and images are one line.
            windows = Windows(1, 1, windows.batch * windows.rows * windows.columns, (1, 1), 1)
        self._tiled(plane, windows, line)
        return self.scope.function.finish(f"{self.form.value} tiles")

    def _plane(
        self, shape: tuple[int, int, int], windows: Windows, frame: Frame, line: Int8Array
    ) -> tuple[Plane, Windows, Int8Array]:
        """What windows see, where they lie on it, and the weights for it."""
        function = self.scope.function
        outputs, parts, size = line.shape
        beside = size % STEP != 0
        batch = windows.batch
        if not any(frame.pads) and not flip_of(self.x) and not beside:
            return Plane(self.x.buffer, shape), windows, line
        top, left, bottom, right = frame.pads
        copied = batch * (shape[0] + top + bottom) * (shape[1] + left + right) * shape[2]
        start = -(-(copied + SLACK) // 64) * 64
        pixels = windows.batch * windows.rows * windows.columns
        depth = whole_steps(parts * size)
        memory = function.scratch("int8", start + (pixels * depth + SLACK if beside else 0))
        plane = framed(function, self.x, shape, frame, memory, 0)
        if not beside:
            return plane, windows, line
        plane = side_by_side(function, plane, windows, (parts, size), start)
        rest = ((0, 0), (0, 0), (0, depth - parts * size))
        line = np.pad(line.reshape(outputs, 1, parts * size), rest)
        return plane, Windows(1, 1, pixels, (1, 1), 1), line

    def _tiled(self, plane: Plane, windows: Windows, line: Int8Array) -> None:
        function, y = self.scope.function, self.y
        outputs = line.shape[0]
        tile = choose_tile(windows.columns, outputs, line[0].size, self.form)
        after = epilogue(self.scope, self.op, self.weights.total, outputs, tile, y)
        blocks = after.blocks
        packed = function.table(tile.pack(line, blocks))
        bias = function.table(tile.spread(self.weights.bias[blocks.order]))
        across = -(-windows.columns // tile.rows)
        run = Run(
            line.shape[1], line.shape[2], windows.row_dilation * plane.shape[1] * plane.shape[2]
        )
        extents = (windows.batch, windows.rows, across, blocks.count)
        step = windows.strides[1] * plane.shape[2]
        with split(function, extents) as (n, i, tx, group):
            last = index(windows.columns - tile.rows)
            j = function.bind(tirx.min(tx * index(tile.rows), last))
            corner = plane.offset(n, i * index(windows.strides[0]), j * index(windows.strides[1]))
            corner = function.bind(corner)
            sums = Sums(function, tile, bias, group)
            rows = [corner + index(m * step) for m in range(tile.rows)]
            sums.accumulate(packed, group, plane.buffer, rows, run)
            pixel = function.bind((n * index(windows.rows) + i) * index(windows.columns) + j)
            after.store([pixel + index(m) for m in range(tile.rows)], group, sums)


def _spread(weights: Int8Array, dilation: int) -> Int8Array:
    """``[O, rows, bytes]``: each kernel row as it lies on the plane, zeros between columns."""
    outputs, rows, columns, depth = weights.shape
    spread = np.zeros((outputs, rows, (columns - 1) * dilation + 1, depth), dtype=np.int8)
    spread[:, :, ::dilation] = weights
    return spread.reshape(outputs, rows, -1)


_REGISTERS = 24
"""Of 32, for sums; the others hold bytes of rows and weights."""


def choose_tile(pixels: int, outputs: int, depth: int, form: Form) -> Tile:
    """The tile with the fewest instructions."""
    if form is Form.PAIRS and pixels == 1:
        form = Form.DOTS

    def cost(tile: Tile) -> float:
        count = -(-pixels // tile.rows) * -(-outputs // tile.channels)
        match form:
            case Form.PAIRS:
                sums = tile.sets * tile.registers
                each = (sums + 1.0 * tile.rows + tile.registers / 2) * depth / 8
            case Form.DOTS:
                sums = tile.sets * tile.registers
                each = (sums + tile.rows / 4 + tile.registers / 2) * depth / 4
            case Form.LONG:
                sums = tile.rows * tile.channels
                each = (2 * sums + tile.rows + tile.channels) * depth / 8
        return count * (each + 1.2 * tile.rows * tile.channels + 20)

    return min(_tiles(pixels, form), key=cost)


def _tiles(pixels: int, form: Form) -> list[Tile]:
    if form is Form.LONG:
        return [Tile(form, rows, 8) for rows in (1, 2) if rows <= pixels]
    counts = (2, 4, 6, 8, 10, 12) if form is Form.PAIRS else (1, 2, 3, 4, 5, 6, 7, 8)
    tiles = [
        Tile(form, rows, channels)
        for channels in (8, 16, 24, 32, 48, 64)
        for rows in counts
        if rows <= pixels
    ]
    return [tile for tile in tiles if tile.sets * tile.registers <= _REGISTERS]
