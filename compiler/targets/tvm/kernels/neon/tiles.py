# SPDX-License-Identifier: Apache-2.0
"""Tiles of sums in registers: a few rows of bytes times a block of channels' weights.

The products of a step lie in memory as the instruction wants them; how the channels of a tile are
spread over its registers is the instruction's too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.codes import LANES, Int32Array
from intaglio.compiler.targets.tvm.kernels.scope import nest
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

STEP = 8
"""Bytes of a row that a step takes; rows of weights are whole steps."""

_UNROLLED = 64
"""Bytes of a row that a turn of the loop takes."""


class Form(Enum):
    """Which instruction sums; values are names in manifests."""

    PAIRS = "smmla"
    DOTS = "sdot"
    LONG = "smull"


@dataclass(frozen=True, slots=True)
class Tile:
    """What is summed at once.

    Attributes:
        form: the instruction.
        rows: of bytes; pairs of them for ``PAIRS``.
        channels: a multiple of 8.
    """

    form: Form
    rows: int
    channels: int

    @property
    def sets(self) -> int:
        """Sets of registers, each of one row or of a pair of rows."""
        return self.rows // 2 if self.form is Form.PAIRS else self.rows

    @property
    def registers(self) -> int:
        """Registers of a set, in order of channels."""
        return self.channels // (2 if self.form is Form.PAIRS else LANES)

    @property
    def stride(self) -> int:
        """Lanes of a group's constants in a table.

        No power of two: LLVM would add offsets by OR, and not within an address.
        """
        return (self.registers + 1) * LANES

    def spread(self, values: Int32Array) -> Int32Array:
        """``values`` by lane of the channels: by lane of the registers of a set, by group."""
        pairs = values.reshape(-1, 1, 2)
        if self.form is Form.PAIRS:
            pairs = np.broadcast_to(pairs, (len(pairs), 2, 2))
        groups = np.ascontiguousarray(pairs).reshape(-1, self.registers * LANES)
        return np.pad(groups, ((0, 0), (0, LANES)))

    def pack(self, line: Int8Array, blocks: Blocks) -> Int8Array:
        """Weights ``[O, rows, bytes]`` by block of channels, in the order of steps."""
        _, rows, size = line.shape
        ordered = line[blocks.order].reshape(-1, self.channels, rows, size)
        match self.form:
            case Form.PAIRS:
                split = ordered.reshape(-1, self.channels // 2, 2, rows, size // 8, 8)
                packed = split.transpose(0, 3, 4, 1, 2, 5)
            case Form.DOTS:
                split = ordered.reshape(-1, self.channels, rows, size // 4, 4)
                packed = split.transpose(0, 2, 3, 1, 4)
            case Form.LONG:
                split = ordered.reshape(-1, self.channels, rows, size // 8, 8)
                packed = split.transpose(0, 2, 3, 1, 4)
        return np.ascontiguousarray(packed)


@dataclass(frozen=True, slots=True)
class Run:
    """The bytes that each row of a tile sums.

    Attributes:
        lines: how many parts the run has.
        size: bytes of a part, whole steps.
        skip: bytes from a part's start to the next one's.
    """

    lines: int
    size: int
    skip: int


class Sums:
    """The accumulators of one tile."""

    def __init__(self, function: Function, tile: Tile, bias: Buffer, group: Expression) -> None:
        """Start with the bias of a group of channels."""
        self.function, self.tile = function, tile
        self._lanes = LANES * (LANES if tile.form is Form.LONG else 1)
        count = tile.sets * tile.registers
        self._cells = function.local("int32", count * self._lanes)
        first = function.bind(group * index(tile.stride))
        starts = [
            function.bind(load(bias, first + index(LANES * r), LANES))
            for r in range(tile.registers)
        ]
        for s in range(tile.sets):
            for r, start in enumerate(starts):
                self._start(s, r, start)

    def _start(self, s: int, r: int, start: Expression) -> None:
        if self.tile.form is not Form.LONG:
            self._put(s, r, 0, start)
            return
        zero = tirx.Broadcast(index(0), LANES)
        for lane in range(LANES):
            # Only one of the four partial sums of a channel starts with its bias.
            place = [LANES] * LANES
            place[0] = lane
            self._put(s, r, lane, instructions.shuffled([start, zero], place))

    def _place(self, s: int, r: int, part: int) -> Expression:
        return index((s * self.tile.registers + r) * self._lanes + part * LANES)

    def _put(self, s: int, r: int, part: int, value: Expression) -> None:
        self.function.store(self._cells, self._place(s, r, part), value, LANES)

    def _get(self, s: int, r: int, part: int = 0) -> Expression:
        return load(self._cells, self._place(s, r, part), LANES)

    def accumulate(
        self, packed: Buffer, group: Expression, x: Buffer, rows: Sequence[Expression], run: Run
    ) -> None:
        """Add all products of the rows that start at some offsets in ``x``."""
        function, channels = self.function, self.tile.channels
        first = function.bind(group * index(run.lines * run.size * channels))
        whole, rest = divmod(run.size, _UNROLLED)
        with nest(function, (run.lines,)) as (line,):
            weights = function.bind(first + line * index(run.size * channels))
            starts = [function.bind(row + line * index(run.skip)) for row in rows]
            if whole:
                with nest(function, (whole,)) as (turn,):
                    at = function.bind(weights + turn * index(_UNROLLED * channels))
                    moved = [start + turn * index(_UNROLLED) for start in starts]
                    self._steps(packed, at, x, moved, _UNROLLED)
            if rest:
                at = weights + index(whole * _UNROLLED * channels)
                moved = [start + index(whole * _UNROLLED) for start in starts]
                self._steps(packed, at, x, moved, rest)

    def _steps(
        self, packed: Buffer, weights: Expression, x: Buffer, rows: Sequence[Expression], size: int
    ) -> None:
        for byte in range(0, size, 2 * STEP):
            count = min(2 * STEP, size - byte)
            values = [self.function.bind(load(x, row + index(byte), count)) for row in rows]
            at = weights + index(byte * self.tile.channels)
            match self.tile.form:
                case Form.PAIRS:
                    self._pairs(packed, at, values, count)
                case Form.DOTS:
                    self._dots(packed, at, values, count)
                case Form.LONG:
                    self._long(packed, at, values, count)

    def _weights(self, packed: Buffer, at: Expression, lanes: int) -> Expression:
        return self.function.bind(load(packed, at, lanes))

    def _pairs(
        self, packed: Buffer, at: Expression, values: Sequence[Expression], count: int
    ) -> None:
        function, tile = self.function, self.tile
        for step in range(count // STEP):
            pairs = [
                function.bind(_pair(values[2 * s], values[2 * s + 1], step, count))
                for s in range(tile.sets)
            ]
            for r in range(tile.registers):
                place = at + index((step * tile.channels + 2 * r) * STEP)
                weights = self._weights(packed, place, 16)
                for s, pair in enumerate(pairs):
                    self._put(s, r, 0, instructions.matrix_multiply(self._get(s, r), pair, weights))

    def _dots(
        self, packed: Buffer, at: Expression, values: Sequence[Expression], count: int
    ) -> None:
        function, tile = self.function, self.tile
        words = [function.bind(_as(value, "int32", count // LANES)) for value in values]
        for step in range(count // 4):
            for r in range(tile.registers):
                weights = self._weights(
                    packed, at + index((step * tile.channels + LANES * r) * 4), 16
                )
                for s, word in enumerate(words):
                    repeated = _as(instructions.shuffled([word, word], [step] * LANES), "int8", 16)
                    self._put(s, r, 0, instructions.dot(self._get(s, r), weights, repeated))

    def _long(
        self, packed: Buffer, at: Expression, values: Sequence[Expression], count: int
    ) -> None:
        tile = self.tile
        for step in range(count // STEP):
            eights = [
                value
                if count == STEP
                else instructions.shuffled([value], range(STEP * step, STEP * (step + 1)))
                for value in values
            ]
            for channel in range(tile.channels):
                weights = self._weights(
                    packed, at + index((step * tile.channels + channel) * STEP), 8
                )
                r, part = divmod(channel, LANES)
                for s, eight in enumerate(eights):
                    product = instructions.multiply_long(eight, weights)
                    total = self._get(s, r, part) + instructions.add_pairs_long(product)
                    self._put(s, r, part, total)

    def set(self, s: int) -> list[Expression]:
        """The registers of a set, complete."""
        return [self.function.bind(self._whole(s, r)) for r in range(self.tile.registers)]

    def _whole(self, s: int, r: int) -> Expression:
        if self.tile.form is not Form.LONG:
            return self._get(s, r)
        a, b, c, d = (self._get(s, r, part) for part in range(LANES))
        return instructions.add_pairs(instructions.add_pairs(a, b), instructions.add_pairs(c, d))


def _pair(first: Expression, second: Expression, step: int, count: int) -> Expression:
    """The bytes of one step of two rows."""
    if count == STEP:
        return instructions.joined(first, second)
    words = [_as(value, "int64", 2) for value in (first, second)]
    return _as(instructions.shuffled(words, [step, 2 + step]), "int8", 16)


def _as(value: Expression, dtype: str, lanes: int) -> Expression:
    return tirx.reinterpret(dtype if lanes == 1 else f"{dtype}x{lanes}", value)
