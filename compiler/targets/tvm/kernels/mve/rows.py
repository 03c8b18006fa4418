# SPDX-License-Identifier: Apache-2.0
"""A band of a few rows for depthwise windows: of each column and channel, four rows side by side.

Sixteen bytes, four columns of one channel, then hold a window of four rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.mve.instructions import BYTES, QUAD, store_interleaved
from intaglio.compiler.targets.tvm.kernels.mve.plane import Geometry, as_signed
from intaglio.compiler.targets.tvm.kernels.scope import Tensor, nest
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

_MOST = 6144
"""Bytes of a band of all channels, where sixteen at a time would do."""


@dataclass(frozen=True, slots=True)
class Band:
    """Scratch memory ``[group of rows, column, channel, 4]``, int8.

    Attributes:
        x: what is copied.
        buffer: the bytes.
        at: the plane and the windows.
        reached: rows of the plane that the windows of a band reach.
        channels: how many it holds at once: all, or 16.
    """

    x: Tensor
    buffer: Buffer
    at: Geometry
    reached: int
    channels: int

    def place(self, group: int, column: Expression, channel: Expression) -> Expression:
        """Where four rows of a column and channel lie."""
        row = index(group * _width(self.at)) + column
        return (row * index(self.channels) + channel) * index(QUAD)

    def clear(self) -> None:
        """Put padding everywhere; beside the plane it stays."""
        function = self.x.function
        if self.at.pads[1] or self.at.pads[3]:
            size = _groups(self.reached) * _width(self.at) * self.channels * QUAD
            with function.loop(size) as k:
                function.store(self.buffer, k, tirx.IntImm("int8", self._padding))

    def fill(self, n: Expression, first: Expression, channel: Expression) -> None:
        """Copy rows of image ``n``, from ``first`` on, and channels, from ``channel`` on."""
        rows, columns, channels = self.at.shape
        function = self.x.function
        size = columns * channels
        padded = self.at.pads[0] or self.at.pads[2]
        for group in range(_groups(self.reached)):
            # Rows that no window reaches repeat the last one.
            numbers = [
                first + index(min(group * QUAD + row, self.reached - 1)) for row in range(QUAD)
            ]
            lines = [
                _Line(
                    function.bind((n * index(rows) + row) * index(size)),
                    tirx.And(row >= index(0), row < index(rows)) if padded else None,
                )
                for row in numbers
            ]
            to = self.place(group, index(self.at.pads[1]), index(0))
            if self.channels < channels:
                with nest(function, (columns,)) as (j,):
                    target = to + j * index(self.channels * QUAD)
                    self._interleave(lines, j * index(channels) + channel, target)
                continue
            with nest(function, (size // BYTES,)) as (k,):
                self._interleave(lines, k * index(BYTES), to + k * index(BYTES * QUAD))
            if size % BYTES:
                rest = size - BYTES
                self._interleave(lines, index(rest), to + index(rest * QUAD))

    @property
    def _padding(self) -> int:
        return self.at.pad_value - (0 if self.x.type.integer.signed else 128)

    def _interleave(self, lines: Sequence["_Line"], offset: Expression, target: Expression) -> None:
        """Sixteen bytes of each of four rows."""
        function = self.x.function
        vectors: list[Expression] = []
        for line in lines:
            loaded = load(self.x.buffer, line.start + offset, BYTES)
            loaded = as_signed(self.x, loaded, BYTES)
            if line.inside is not None:
                padding = tirx.Broadcast(tirx.IntImm("int8", self._padding), BYTES)
                loaded = tirx.if_then_else(line.inside, loaded, padding)
            vectors.append(function.bind(loaded))
        store_interleaved(function, self.buffer, target, vectors)


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the plane: where it starts, and whether it is there; None where that is known."""

    start: Expression
    inside: Expression | None


def band_of(function: Function, x: Tensor, at: Geometry, reached: int) -> Band:
    """Scratch memory for the windows of some rows; a row has 16 bytes at least."""
    size = _groups(reached) * _width(at) * QUAD
    channels = at.shape[2]
    if size * channels > _MOST and channels % BYTES == 0:
        channels = BYTES
    return Band(x, function.scratch("int8", size * channels), at, reached, channels)


def _groups(reached: int) -> int:
    return -(-reached // QUAD)


def _width(at: Geometry) -> int:
    """Columns with padding."""
    return at.shape[1] + at.pads[1] + at.pads[3]
