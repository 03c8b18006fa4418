# SPDX-License-Identifier: Apache-2.0
"""Windows times weights: tiles of pixels by channels, each sum in a core register.

One instruction multiplies sixteen neighbouring bytes of a window with those of a channel's weights
and adds all products to a sum.  There are eight registers for sums at most, so the channels of a
block are taken a few at a time, each with several pixels.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.mve.epilogue import Epilogue
from intaglio.compiler.targets.tvm.kernels.mve.instructions import BYTES, QUAD, dot
from intaglio.compiler.targets.tvm.kernels.mve.plane import Geometry, Row, rows_of
from intaglio.compiler.targets.tvm.kernels.mve.tables import LANES, Table
from intaglio.compiler.targets.tvm.kernels.scope import Tensor
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array
from intaglio.compiler.targets.tvm.library import Expression, tirx

_UNROLLED = 18
"""Vectors of a window that code may repeat for."""

_MOST_PIXELS = 3
"""Of a tile: its sums, two for each pixel, fit into the registers."""

_SHORT = 6
"""Vectors of a window, up to which blocks have eight channels."""

_Totals = dict[tuple[int, int], Expression]
"""Sums by pixel and channel."""


@dataclass(frozen=True, slots=True)
class Part:
    """Vectors of a window.

    Attributes:
        turns: how often they are taken.
        step: bytes from one turn to the next; rows of the plane where ``by_row``.
        by_row: whether ``step`` counts rows.
        offsets: of the vectors in bytes, from the start of a turn.
        skipped: bytes that each vector shares with the one before, whose weights are 0 here.
    """

    turns: int
    step: int
    by_row: bool
    offsets: tuple[int, ...]
    skipped: int = 0


def parts_of(reach: int, kernel_rows: int, dilation: int) -> list[Part]:
    """All vectors of windows whose rows have ``reach`` bytes."""
    whole, rest = divmod(reach, BYTES)
    if reach < BYTES:
        return [Part(kernel_rows, dilation, True, (0,))]
    parts: list[Part] = []
    if kernel_rows == 1:
        chunk = max(size for size in range(1, 12 + 1) if whole % size == 0)
        offsets = tuple(range(0, chunk * BYTES, BYTES))
        parts.append(Part(whole // chunk, chunk * BYTES, False, offsets))
    elif whole <= 12:
        parts.append(Part(kernel_rows, dilation, True, tuple(range(0, whole * BYTES, BYTES))))
    else:
        parts += [Part(kernel_rows, dilation, True, (v * BYTES,)) for v in range(whole)]
    if rest:
        parts.append(Part(kernel_rows, dilation, True, (reach - BYTES,), BYTES - rest))
    return parts


def tiled(geometry: Geometry, line: Int8Array, x: Tensor, epilogue: Epilogue) -> None:
    """Every output.

    Args:
        geometry: where the windows lie.
        line: weights ``[O, kernel rows, reach]``.
        x: what the windows see.
        epilogue: what becomes of the sums.
    """
    function = epilogue.function
    parts = parts_of(geometry.reach, geometry.kernel[0], geometry.dilations[0])
    columns = geometry.outputs[1]
    blocks = epilogue.blocks
    quads = blocks.lanes // QUAD
    pixels = _pixels(columns, parts)
    held = QUAD if pixels == 1 else QUAD // 2
    packed = _packed(line, parts, epilogue, held)
    table = Table(function, packed, epilogue.constants, quads)
    step = geometry.strides[1] * geometry.shape[2]
    with rows_of(function, x, geometry) as row, function.loop(-(-columns // pixels)) as tile:
        last = index(columns - pixels)
        j = function.bind(tirx.min(tile * index(pixels), last))
        start = function.bind(row.start + j * index(step))
        pixel = function.bind(row.number * index(columns) + j)
        with function.loop(blocks.count) as block:
            scaled: list[list[Expression]] = [[] for _ in range(pixels)]
            for quad in range(quads):
                number = function.bind(block * index(quads) + index(quad))
                sums = _Sums(function, table, parts, row, start, step, pixels, held)
                found, constants = sums.of_four(number)
                for each, total in zip(scaled, found, strict=True):
                    each.append(epilogue.scaled(total, constants))
            first = function.bind(pixel * index(blocks.channels) + epilogue.start(block))
            for m, each in enumerate(scaled):
                epilogue.store(first + index(m * blocks.channels), block, each)


def short(geometry: Geometry) -> bool:
    """Whether windows are so short that blocks of eight channels take little code."""
    parts = parts_of(geometry.reach, geometry.kernel[0], geometry.dilations[0])
    return _count(parts) <= _SHORT


def _count(parts: list[Part]) -> int:
    return sum(part.turns * len(part.offsets) for part in parts)


def _pixels(columns: int, parts: list[Part]) -> int:
    """How many pixels of a row are summed at once: the fewest instructions in all."""

    def cost(pixels: int) -> float:
        held = 4 if pixels == 1 else 2
        loads = _count(parts) * (1 + pixels / held)
        # Short windows of three pixels stay in registers only in part.
        spilled = 7 if pixels == _MOST_PIXELS and _count(parts) <= _SHORT else 0
        each = loads + pixels * _count(parts) + 2.5 * pixels + 1.5 + spilled
        return -(-columns // pixels) * each

    return min(range(1, min(columns, _MOST_PIXELS) + 1), key=cost)


def _unrolled(part: Part) -> bool:
    return part.turns * len(part.offsets) <= _UNROLLED


def _packed(line: Int8Array, parts: list[Part], epilogue: Epilogue, held: int) -> Int8Array:
    """``[four channels, 4 / held, vector and channel, 16]``, vectors in the order of the parts."""
    reach = line.shape[2]
    padded = np.pad(line, ((0, 0), (0, 0), (0, max(BYTES - reach, 0))))
    vectors: list[Int8Array] = []
    for part in parts:
        for turn in range(part.turns):
            for offset in part.offsets:
                row = turn if part.by_row else 0
                begin = offset + (0 if part.by_row else turn * part.step)
                vector = padded[:, row, begin : begin + BYTES].copy()
                vector[:, : part.skipped] = 0
                vectors.append(vector)
    lanes = np.stack(vectors, axis=1)[epilogue.order].reshape(-1, QUAD, len(vectors), BYTES)
    groups = lanes[:, LANES].reshape(-1, QUAD // held, held, len(vectors), BYTES)
    packed = groups.transpose(0, 1, 3, 2, 4)
    return packed.reshape(-1, QUAD // held, len(vectors) * held, BYTES)


class _Sums:
    """The sums of one tile and four channels."""

    def __init__(
        self,
        function: Function,
        table: Table,
        parts: list[Part],
        row: Row,
        start: Expression,
        step: int,
        pixels: int,
        held: int,
    ) -> None:
        self._function, self._table, self._parts = function, table, parts
        self._row, self._start, self._step = row, start, step
        self._pixels, self._held = pixels, held

    def of_four(self, number: Expression) -> tuple[list[Expression], list[Expression]]:
        """By pixel, the sums of four channels; and their constants."""
        function = self._function
        cells = [function.local("int32", QUAD) for _ in range(self._pixels)]
        begin = index(0)
        for turn in range(QUAD // self._held):
            begin = self._table.begin(number, turn)
            for (m, c), total in self._some(begin).items():
                function.store(cells[m], index(LANES[turn * self._held + c]), total)
        sums = [function.bind(load(cell, index(0), QUAD)) for cell in cells]
        return sums, self._table.constants(begin)

    def _some(self, begin: Expression) -> _Totals:
        function = self._function
        places = [(m, c) for c in range(self._held) for m in range(self._pixels)]
        sums: _Totals = dict.fromkeys(places, index(0))
        done = 0
        for part in self._parts:
            size = len(part.offsets) * self._held
            pitch = part.step * (self._row.pitch if part.by_row else 1)
            if _unrolled(part):
                for turn in range(part.turns):
                    at = begin + index((done + turn * size) * QUAD)
                    sums = self._turn(at, part, index(turn * pitch), sums)
            else:
                cells = function.local("int32", len(places))
                for number, place in enumerate(places):
                    function.store(cells, index(number), sums[place])
                with function.loop(part.turns) as turn:
                    held = {p: load(cells, index(number)) for number, p in enumerate(places)}
                    at = function.bind(begin + index(done * QUAD) + turn * index(size * QUAD))
                    moved = function.bind(turn * index(pitch))
                    added = self._turn(at, part, moved, held)
                    for number, place in enumerate(places):
                        function.store(cells, index(number), added[place])
                sums = {
                    place: function.bind(load(cells, index(number)))
                    for number, place in enumerate(places)
                }
            done += part.turns * size
        return sums

    def _turn(self, at: Expression, part: Part, moved: Expression, sums: _Totals) -> _Totals:
        """The sums with the products of one turn of a part."""
        function = self._function
        found = dict(sums)
        for number, offset in enumerate(part.offsets):
            place = self._start + moved + index(offset)
            xs = [
                function.bind(load(self._row.buffer, place + index(m * self._step), BYTES))
                for m in range(self._pixels)
            ]
            for c in range(self._held):
                weight = self._table.weight(at, number * self._held + c)
                for m, x in enumerate(xs):
                    found[m, c] = function.bind(dot(found[m, c], x, weight))
        return found
