# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions: a window of four rows and columns of one channel is one vector.

With three kernel rows and stride 1 the same four rows serve two output rows: weights of 0 leave the
row out that one of them doesn't reach.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.mve.convolution import geometry_of, signed_bias
from intaglio.compiler.targets.tvm.kernels.mve.epilogue import Epilogue
from intaglio.compiler.targets.tvm.kernels.mve.instructions import BYTES, QUAD, dot, gathered
from intaglio.compiler.targets.tvm.kernels.mve.plane import Geometry
from intaglio.compiler.targets.tvm.kernels.mve.rows import Band, band_of
from intaglio.compiler.targets.tvm.kernels.mve.tables import LANES, Table
from intaglio.compiler.targets.tvm.kernels.scope import Scope, nest
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array, contraction
from intaglio.compiler.targets.tvm.library import Expression, tirx

_HELD = 2
"""Channels that are summed at once."""

_MOST_VECTORS = 4
"""Of a window."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How windows become vectors.

    Attributes:
        kernel: rows, columns.
        rows: of outputs that a band serves.
        groups: of four rows, in a band.
        columns: by vector of four columns, which ones, from the start of the window.
    """

    kernel: tuple[int, int]
    rows: int
    groups: int
    columns: tuple[tuple[int, ...], ...]

    @property
    def vectors(self) -> int:
        """Of a channel's weights."""
        return self.groups * len(self.columns) * self.rows


def depthwise(scope: Scope, op: fixed.Conv2d) -> Kernel | None:
    """The kernel of a convolution of one channel a group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if weights is None or not op.groups == len(weights) or weights.shape[3] != 1:
        return None
    at = geometry_of(scope, op, (weights.shape[1], weights.shape[2]))
    if at.shape[2] != op.groups or op.groups < QUAD or at.shape[1] * at.shape[2] < BYTES:
        return None
    shape = _shape(at)
    found = contraction(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    if found is None or shape.groups * len(shape.columns) > _MOST_VECTORS:
        return None
    function = scope.function
    x, y = scope.operand(0), scope.result()
    band = band_of(function, x, at, (shape.rows - 1) * at.strides[0] + at.height)
    epilogue = Epilogue(scope, op, found.total, signed_bias(found), 2 * QUAD, y)
    packed = _packed(found.weights[..., 0], at, shape, epilogue)
    quads = epilogue.blocks.lanes // QUAD
    table = Table(function, packed, epilogue.constants, quads)
    band.clear()
    rows, columns = at.outputs
    parts = at.shape[2] // band.channels
    blocks = epilogue.blocks.count // parts
    with nest(function, (at.batch, -(-rows // shape.rows))) as (n, ti):
        i = function.bind(tirx.min(ti * index(shape.rows), index(rows - shape.rows)))
        with nest(function, (parts,)) as (part,):
            origin = function.bind(part * index(band.channels))
            top = function.bind(i * index(at.strides[0]) - index(at.pads[0]))
            band.fill(n, top, origin)
            with function.loop(columns) as j, function.loop(blocks) as local:
                block = function.bind(part * index(blocks) + local)
                first = function.bind(epilogue.start(block))
                scaled: list[list[Expression]] = [[] for _ in range(shape.rows)]
                for quad in range(quads):
                    channel = function.bind(first - origin)
                    offsets = epilogue.lane_order[quad * QUAD : (quad + 1) * QUAD]
                    sums = _Sums(band, table, shape, j * index(at.strides[1]), channel, offsets)
                    totals, constants = sums.of_four(block * index(quads) + index(quad))
                    for each, total in zip(scaled, totals, strict=True):
                        each.append(epilogue.scaled(total, constants))
                pixel = (n * index(rows) + i) * index(columns) + j
                to = function.bind(pixel * index(op.groups) + first)
                for q, each in enumerate(scaled):
                    epilogue.store(to + index(q * columns * op.groups), block, each)
    return function.finish("mve depthwise")


def _shape(at: Geometry) -> Shape:
    both = at.outputs[0] > 1 and at.height + at.strides[0] <= -(-at.height // QUAD) * QUAD
    rows = 2 if both else 1
    groups = -(-((rows - 1) * at.strides[0] + at.height) // QUAD)
    taps = [tap * at.dilations[1] for tap in range(at.kernel[1])]
    # Columns that no weight reaches repeat the last one.
    padded = taps + taps[-1:] * (-len(taps) % QUAD)
    columns = tuple(tuple(padded[k : k + QUAD]) for k in range(0, len(padded), QUAD))
    return Shape(at.kernel, rows, groups, columns)


def _packed(weights: Int8Array, at: Geometry, shape: Shape, epilogue: Epilogue) -> Int8Array:
    """``[four channels, turn, group and columns and channel and output row, 16]``."""
    channels, _, kernel_columns = weights.shape
    width = len(shape.columns) * QUAD
    spread = np.zeros((channels, shape.rows, shape.groups * QUAD, width), dtype=np.int8)
    for q in range(shape.rows):
        first = q * at.strides[0]
        last = first + at.height
        spread[:, q, first : last : at.dilations[0], :kernel_columns] = weights
    # Channel, output row, group, row of it, columns, column of them.
    parted = spread.reshape(channels, shape.rows, shape.groups, QUAD, -1, QUAD)
    vectors = parted.transpose(0, 2, 4, 1, 5, 3).reshape(channels, -1, shape.rows, BYTES)
    lanes = vectors[epilogue.order].reshape(-1, QUAD, *vectors.shape[1:])[:, LANES]
    turns = lanes.reshape(-1, QUAD // _HELD, _HELD, *vectors.shape[1:])
    return turns.transpose(0, 1, 3, 2, 4, 5).reshape(len(turns), QUAD // _HELD, -1, BYTES)


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums of four channels, of one column and some output rows."""

    band: Band
    table: Table
    shape: Shape
    column: Expression
    channel: Expression
    offsets: tuple[int, ...]

    def of_four(self, number: Expression) -> tuple[list[Expression], list[Expression]]:
        """By output row, the sums of four channels; and their constants."""
        function, rows = self.band.x.function, self.shape.rows
        cells = [function.local("int32", QUAD) for _ in range(rows)]
        number = function.bind(number)
        begin = index(0)
        for turn in range(QUAD // _HELD):
            begin = self.table.begin(number, turn)
            lanes = LANES[turn * _HELD : (turn + 1) * _HELD]
            totals = {(q, lane): index(0) for lane in lanes for q in range(rows)}
            vector = 0
            for group in range(self.shape.groups):
                for columns in self.shape.columns:
                    for lane in lanes:
                        x = function.bind(self._window(group, columns, lane))
                        for q in range(rows):
                            weight = self.table.weight(begin, vector)
                            totals[q, lane] = function.bind(dot(totals[q, lane], x, weight))
                            vector += 1
            for (q, lane), total in totals.items():
                function.store(cells[q], index(lane), total)
        sums = [function.bind(load(cell, index(0), QUAD)) for cell in cells]
        return sums, self.table.constants(begin)

    def _window(self, group: int, columns: tuple[int, ...], lane: int) -> Expression:
        """Four rows and columns of a channel."""
        channel = self.channel + index(self.offsets[lane])
        at = self.band.place(group, self.column, channel)
        size = self.band.channels * QUAD
        return gathered(self.band.buffer, at, [column * size for column in columns])
