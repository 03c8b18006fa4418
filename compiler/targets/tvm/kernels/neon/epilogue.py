# SPDX-License-Identifier: Apache-2.0
"""From a tile of accumulators to elements in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.compiler.analysis.accumulators import AccumulateOp, channel_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.kernels.neon import codes as encoding
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.codes import LANES, Codes, Registers, Spread
from intaglio.compiler.targets.tvm.kernels.neon.staircase import staircase
from intaglio.compiler.targets.tvm.kernels.neon.tiles import Form, Sums, Tile
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.kernels.vector import epilogue as vectors
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What becomes of the sums of a tile: overflow rule, followers, store.

    Attributes:
        scope: the node.
        total: the interval of the sums.
        blocks: of as many channels as a tile has.
        y: where the results go.
        codes: the short way, None where only the general one serves.
        general: the way of any followers.
    """

    scope: Scope
    total: Interval
    blocks: Blocks
    y: Tensor
    codes: Codes | None
    general: vectors.Epilogue

    def store(self, pixels: Sequence[Expression], group: Expression, sums: Sums) -> None:
        """Put a group's channels of the pixels of a tile, which are numbered in the result."""
        function = self.scope.function
        at = Channels(function, index(0))
        first = function.bind(self.blocks.start(at, group))
        starts = [function.bind(pixel * index(self.blocks.channels) + first) for pixel in pixels]
        if self.codes is None:
            self._store_any(starts, group, sums)
            return
        tile = sums.tile
        constants = self.codes.registers(function.bind(group * index(tile.stride)), tile.registers)
        for s in range(tile.sets):
            registers = sums.set(s)
            parts = [
                self.codes.narrowed(registers[place : place + LANES], constants, place)
                for place in range(0, len(registers), LANES)
            ]
            if tile.form is Form.PAIRS:
                for row in (0, 1):
                    self._put(starts[2 * s + row], _row(parts, row))
            else:
                self._put(starts[s], parts)

    def _put(self, to: Expression, parts: Sequence[Expression]) -> None:
        """Bytes of one pixel from an offset on."""
        function, y = self.scope.function, self.y.buffer
        dtype = str(y.dtype)
        place = 0
        whole = self.blocks.channels >= self.blocks.lanes
        cells = y if whole else function.local(dtype, self.blocks.lanes)
        start = to if whole else index(0)
        for part in parts:
            lanes = part.ty.dtype.lanes
            bytes = tirx.reinterpret(f"{dtype}x{lanes}", part)
            function.store(cells, start + index(place), bytes, lanes)
            place += lanes
        if not whole:
            for lane in range(self.blocks.channels):
                function.store(y, to + index(lane), load(cells, index(lane)))

    def _store_any(self, starts: Sequence[Expression], group: Expression, sums: Sums) -> None:
        tile, function = sums.tile, self.scope.function
        for s in range(tile.sets):
            registers = sums.set(s)
            together = registers[0]
            for register in registers[1:]:
                lanes = together.ty.dtype.lanes
                together = instructions.shuffled([together, register], range(lanes + LANES))
            if tile.form is not Form.PAIRS:
                self.general.store(starts[s], group, function.bind(together))
                continue
            for row in (0, 1):
                places = [
                    LANES * r + 2 * row + channel
                    for r in range(tile.registers)
                    for channel in (0, 1)
                ]
                found = function.bind(instructions.shuffled([together], places))
                self.general.store(starts[2 * s + row], group, found)


@dataclass(frozen=True, slots=True)
class Eights:
    """What becomes of the sums of eight channels at a time.

    Attributes:
        scope: the node.
        blocks: of eight channels.
        y: where the results go.
        codes: the short way, None where only the general one serves.
        general: the way of any followers.
    """

    scope: Scope
    blocks: Blocks
    y: Tensor
    codes: Codes | None
    general: vectors.Epilogue

    def constants(self, block: Expression) -> Registers | None:
        """Those of a block of channels, for ``store``."""
        if self.codes is None:
            return None
        lanes = self.blocks.lanes
        first = self.scope.function.bind(block * index(lanes))
        return self.codes.registers(first, lanes // LANES)

    def store(
        self,
        places: Sequence[tuple[Expression, Sequence[Expression]]],
        block: Expression,
        constants: Registers | None,
    ) -> None:
        """Put the results of one block of channels at one or two places.

        Args:
            places: offsets in the result, and for each two registers of sums.
            block: of channels.
            constants: the block's.
        """
        function, lanes = self.scope.function, self.blocks.lanes
        if self.codes is None or constants is None:
            for to, registers in places:
                together = function.bind(instructions.joined(*registers))
                self.general.store(to, block, together)
            return
        sums = [register for _, registers in places for register in registers]
        bytes = self.codes.narrowed(sums, constants.repeated(len(places)), 0)
        dtype = f"{self.y.buffer.dtype}x{lanes}"
        for number, (to, _) in enumerate(places):
            part = bytes
            if len(places) > 1:
                part = instructions.shuffled([bytes], range(lanes * number, lanes * (number + 1)))
            function.store(self.y.buffer, to, tirx.reinterpret(dtype, part), lanes)


def eights(scope: Scope, op: AccumulateOp, total: Interval, channels: int, y: Tensor) -> Eights:
    """What becomes of the sums of a node of at least eight channels."""
    blocks = Blocks(channels, 2 * LANES)
    short = short_way(scope, op, total, blocks, y, lambda values: values)
    return Eights(scope, blocks, y, short, vectors.Epilogue(scope, op, total, blocks, y))


def _row(parts: Sequence[Expression], row: int) -> list[Expression]:
    """The bytes of one row of a pair, of which the parts hold two channels in turn."""
    words = [tirx.reinterpret("int16x8", part) for part in parts]
    rows: list[Expression] = []
    for place in range(0, len(words), 2):
        both = words[place : place + 2]
        found = instructions.shuffled(both, range(row, 8 * len(both), 2))
        rows.append(tirx.reinterpret(f"int8x{8 * len(both)}", found))
    return rows


def epilogue(
    scope: Scope, op: AccumulateOp, total: Interval, outputs: int, tile: Tile, y: Tensor
) -> Epilogue:
    """What becomes of the sums of a node."""
    blocks = Blocks(outputs, tile.channels)
    short = short_way(scope, op, total, blocks, y, tile.spread)
    return Epilogue(scope, total, blocks, y, short, vectors.Epilogue(scope, op, total, blocks, y))


def short_way(
    scope: Scope, op: AccumulateOp, total: Interval, blocks: Blocks, y: Tensor, spread: Spread
) -> Codes | None:
    """The staircase of the one requantizer that follows, None where something else does."""
    ops = [node.op for node in scope.followers]
    if len(ops) != 1 or not isinstance(ops[0], fixed.Requantize):
        return None
    if y.type.integer.bits > 8 or not op.accumulator.type.interval.contains(total):
        return None
    ranges = channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    totals = [channel.total for channel in ranges]
    if not total.contains(Interval.hull_of(totals)):
        return None
    steps = staircase(ops[0].requantizers, totals)
    if steps is None:
        return None
    signed = str(y.buffer.dtype) == "int8"
    return encoding.codes(scope.function, steps, signed, blocks.order, spread)
