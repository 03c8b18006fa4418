# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one group: tiles of pixels by channels in registers, weights packed for them.

A tile's accumulators stay in registers over the whole sum.  Each step multiplies four neighbouring
bytes of a pixel's window, broadcast, with a vector of output channels' weights.  What is left of a
row or of the channels is served by a last tile that overlaps the one before.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import Function, Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, nest, split
from intaglio.compiler.targets.tvm.kernels.vector.contraction import (
    Contraction,
    Int8Array,
    Int32Array,
    contraction,
)
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks, Epilogue
from intaglio.compiler.targets.tvm.kernels.vector.padding import Plane, framed, plane_of
from intaglio.compiler.targets.tvm.kernels.vector.unit import GROUP, Unit
from intaglio.compiler.targets.tvm.kernels.windows import Frame, Windows
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

_NEAR = 1 << 14
"""Bytes of weights that stay in the nearest cache beside the activations."""


@dataclass(frozen=True, slots=True)
class Tile:
    """How many pixels and how many vectors of channels are summed at once."""

    pixels: int
    vectors: int


def convolution(scope: Scope, op: fixed.Conv2d, unit: Unit) -> Kernel | None:
    """The kernel of a convolution of one group, None where this form doesn't serve it."""
    found = convolved(scope, op)
    if found is None:
        return None
    add_convolution(scope, op, found, unit, scope.operand(0), scope.result())
    return scope.function.finish(f"{unit.name} convolution")


def convolved(scope: Scope, op: fixed.Conv2d) -> Contraction | None:
    """The sums of a convolution of one group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if op.groups != 1 or weights is None:
        return None
    return contraction(scope, op, weights, op.weight_zero_points, op.input_zero_point)


def add_convolution(
    scope: Scope, op: fixed.Conv2d, found: Contraction, unit: Unit, x: Tensor, y: Tensor
) -> None:
    """Compute a convolution of one group."""
    _, rows, columns, channels = x.type.shape
    line = taps(found.weights, op.dilations[1])
    reach = ((found.weights.shape[2] - 1) * op.dilations[1] + 1) * channels
    if any(op.pads) or reach % GROUP:
        frame = Frame(op.pads, op.pad_value)
        plane = framed(scope.function, x, (rows, columns, channels), frame, found.offset)
    else:
        plane = plane_of(x, (rows, columns, channels), found.offset)
    batch, rows, columns, outputs = y.type.shape
    windows = Windows(batch, rows, columns, op.strides, op.dilations[0])
    if plane.shape[:2] == (rows, columns) and line.shape[1] == 1:
        # Without a frame and strides, pixels of all rows and images are one line.
        windows = Windows(1, 1, batch * rows * columns, (1, 1), 1)
    epilogue = Epilogue(scope, op, found.total, Blocks(outputs, unit.lanes), y)
    tiled(unit, scope.function, windows, line, found.bias, plane, epilogue)


def tiled(
    unit: Unit,
    function: Function,
    windows: Windows,
    line: Int8Array,
    bias: Int32Array,
    plane: Plane,
    epilogue: Epilogue,
) -> None:
    """Every output, tile by tile.

    Args:
        unit: what sums.
        function: where statements go.
        windows: where the outputs' windows lie.
        line: the weights of ``taps``.
        bias: by output channel.
        plane: what the windows see.
        epilogue: what becomes of the sums.
    """
    blocks = epilogue.blocks
    packed = function.table(pack(line, blocks))
    biases = function.table(bias[blocks.order])
    count = blocks.count
    tile = choose_tile(windows.columns, count, unit)
    groups = -(-count // tile.vectors)
    # Weights that don't stay near are read once for all pixels, else pixels once for all weights.
    outer = blocks.count * blocks.lanes * line[0].size > _NEAR
    far_groups, near_groups = (groups, 1) if outer else (1, groups)
    across = -(-windows.columns // tile.pixels)
    extents = (far_groups, windows.batch, windows.rows, across, near_groups)
    with split(function, extents) as (far, n, i, tx, near):
        group = far if outer else near
        first = tirx.min(group * index(tile.vectors), index(count - tile.vectors))
        block = function.bind(first)
        last = index(windows.columns - tile.pixels)
        j = function.bind(tirx.min(tx * index(tile.pixels), last))
        strides = windows.strides
        start = plane.offset(n, i * index(strides[0]), j * index(strides[1]))
        sums = Sums(function, unit, tile, biases, block)
        sums.accumulate(packed, line, plane, function.bind(start), windows)
        row = n * index(windows.rows) + i
        _store(function, sums, epilogue, function.bind(row * index(windows.columns) + j))


def _store(function: Function, sums: "Sums", epilogue: Epilogue, pixel: Expression) -> None:
    at = Channels(function, index(0))
    for m in range(sums.tile.pixels):
        for v in range(sums.tile.vectors):
            block = sums.block + index(v)
            first = (pixel + index(m)) * index(epilogue.blocks.channels)
            to = function.bind(first + epilogue.blocks.start(at, block))
            epilogue.store(to, block, sums.value(m, v))


class Sums:
    """The accumulators of one tile."""

    def __init__(
        self, function: Function, unit: Unit, tile: Tile, bias: Buffer, block: Expression
    ) -> None:
        """Start with the bias."""
        self.function, self.unit, self.tile, self.block = function, unit, tile, block
        lanes = unit.lanes
        self._cells = function.local("int32", tile.pixels * tile.vectors * lanes)
        for v in range(tile.vectors):
            start = function.bind(load(bias, (block + index(v)) * index(lanes), lanes))
            for m in range(tile.pixels):
                function.store(self._cells, self._place(m, v), start, lanes)

    def _place(self, m: int, v: int) -> Expression:
        return index((m * self.tile.vectors + v) * self.unit.lanes)

    def value(self, m: int, v: int) -> Expression:
        """The sums of one pixel and one vector of channels."""
        return self.function.bind(load(self._cells, self._place(m, v), self.unit.lanes))

    def accumulate(
        self,
        packed: Buffer,
        line: Int8Array,
        plane: Plane,
        start: Expression,
        windows: Windows,
    ) -> None:
        """Add all products: by kernel row, then by four bytes of it."""
        function, lanes = self.function, self.unit.lanes
        kernel_rows, words = line.shape[1], line.shape[2] // GROUP
        step = windows.strides[1] * plane.shape[2]
        size = kernel_rows * words * lanes * GROUP
        with nest(function, (kernel_rows, words)) as (r, k):
            row = start + r * index(windows.row_dilation * plane.shape[1] * plane.shape[2])
            byte = function.bind(row + k * index(GROUP))
            weight = function.bind(
                self.block * index(size) + (r * index(words) + k) * index(lanes * GROUP)
            )
            vectors = [
                function.bind(load(packed, weight + index(v * size), lanes * GROUP))
                for v in range(self.tile.vectors)
            ]
            for m in range(self.tile.pixels):
                four = plane.four_bytes(byte + index(m * step))
                value = function.bind(tirx.Broadcast(four, lanes))
                for v, weights in enumerate(vectors):
                    place = self._place(m, v)
                    total = self.unit.dot(load(self._cells, place, lanes), value, weights)
                    function.store(self._cells, place, total, lanes)


def taps(weights: Int8Array, dilation: int) -> Int8Array:
    """``[O, rows, bytes]``: each kernel row as it lies on the plane, zeros between and behind."""
    outputs, rows, columns, depth = weights.shape
    spread = np.zeros((outputs, rows, (columns - 1) * dilation + 1, depth), dtype=np.int8)
    spread[:, :, ::dilation] = weights
    line = spread.reshape(outputs, rows, -1)
    return np.pad(line, ((0, 0), (0, 0), (0, -line.shape[2] % GROUP)))


def pack(line: Int8Array, blocks: Blocks) -> Int8Array:
    """``[block, row, word, lane, 4]``."""
    _, rows, size = line.shape
    lanes = line[blocks.order].reshape(-1, blocks.lanes, rows, size // GROUP, GROUP)
    return np.ascontiguousarray(lanes.transpose(0, 2, 3, 1, 4))


def choose_tile(pixels: int, vectors: int, unit: Unit) -> Tile:
    """The tile with the least work: dot products, loads of weights, broadcasts."""

    def cost(tile: Tile) -> float:
        count = -(-pixels // tile.pixels) * -(-vectors // tile.vectors)
        return count * (tile.pixels * tile.vectors + 0.5 * (tile.pixels + tile.vectors) + 1)

    tiles = [
        Tile(m, v)
        for v in range(1, min(vectors, 4) + 1)
        for m in range(1, min(pixels, 14, unit.accumulators // v) + 1)
    ]
    return min(tiles, key=cost)
