# SPDX-License-Identifier: Apache-2.0
"""Where windows lie as bytes: in x itself, or in a band of a few padded rows in scratch memory."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.function import Function, index, load, vector
from intaglio.compiler.targets.tvm.kernels.mve.instructions import BYTES
from intaglio.compiler.targets.tvm.kernels.scope import Tensor
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

_BAND = 3584
"""Bytes of a band of more rows than one row of windows needs."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A plane, and the windows on it.

    Attributes:
        batch: images.
        shape: rows, columns, channels of x.
        outputs: rows, columns.
        kernel: rows, columns.
        strides: rows, columns.
        dilations: rows, columns.
        pads: top, left, bottom, right.
        pad_value: the code of x in the padding.
    """

    batch: int
    shape: tuple[int, int, int]
    outputs: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    pad_value: int

    @property
    def reach(self) -> int:
        """Bytes from the start of a kernel row to its end."""
        return ((self.kernel[1] - 1) * self.dilations[1] + 1) * self.shape[2]

    @property
    def height(self) -> int:
        """Rows of the plane below a window."""
        return (self.kernel[0] - 1) * self.dilations[0] + 1

    @property
    def is_line(self) -> bool:
        """Whether windows are pixels, one after the other."""
        return self.kernel == (1, 1) == self.strides and not any(self.pads)

    @property
    def as_line(self) -> "Geometry":
        """The same windows, all images and rows as one row."""
        count = self.batch * self.outputs[0] * self.outputs[1]
        return line(count, self.shape[2])


def line(count: int, size: int) -> Geometry:
    """Windows of ``size`` bytes, one after the other."""
    one = (1, 1)
    return Geometry(1, (1, count, size), (1, count), one, one, one, (0, 0, 0, 0), 0)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of windows.

    Attributes:
        buffer: bytes, int8.
        start: of the first window's first byte.
        pitch: bytes from one row of the plane to the next.
        number: of the row among all images' rows of outputs.
    """

    buffer: Buffer
    start: Expression
    pitch: int
    number: Expression


@contextmanager
def rows_of(function: Function, x: Tensor, at: Geometry) -> Generator[Row, None, None]:
    """Loop over the rows of windows of all images."""
    rows, columns, channels = at.shape
    signed = x.type.integer.signed
    if signed and not any(at.pads) and at.reach >= BYTES:
        with _over(function, at.batch) as n, _over(function, at.outputs[0]) as i:
            row = n * index(rows) + i * index(at.strides[0])
            start = function.bind(row * index(columns * channels))
            yield Row(x.buffer, start, columns * channels, n * index(at.outputs[0]) + i)
        return
    pitch = (columns + at.pads[1] + at.pads[3]) * channels
    together = _together(at, pitch)
    height = (together - 1) * at.strides[0] + at.height
    # A vector may begin at the last byte.
    band = function.scratch("int8", height * pitch + BYTES)
    padding = tirx.IntImm("int8", at.pad_value - (0 if signed else 128))
    if at.pads[1] or at.pads[3]:
        with function.loop(height * pitch) as k:
            function.store(band, k, padding)
    groups = -(-at.outputs[0] // together)
    with _over(function, at.batch) as n, _over(function, groups) as group:
        last = index(at.outputs[0] - together)
        first = function.bind(tirx.min(group * index(together), last))
        with _over(function, height) as r:
            source = function.bind(first * index(at.strides[0]) + r - index(at.pads[0]))
            to = function.bind(r * index(pitch) + index(at.pads[1] * channels))
            size = columns * channels
            inside = tirx.And(source >= index(0), source < index(rows))
            begin = function.bind((n * index(rows) + source) * index(size))
            if at.pads[0] or at.pads[2]:
                with function.when(inside):
                    _copy(x, begin, band, to, size)
                with function.when(tirx.Not(inside)), function.loop(size) as k:
                    function.store(band, to + k, padding)
            else:
                _copy(x, begin, band, to, size)
        with _over(function, together) as i:
            start = function.bind(i * index(at.strides[0] * pitch))
            yield Row(band, start, pitch, n * index(at.outputs[0]) + first + i)


def _together(at: Geometry, pitch: int) -> int:
    """How many rows of windows a band serves."""

    def size(rows: int) -> int:
        return ((rows - 1) * at.strides[0] + at.height) * pitch

    fitting = [rows for rows in range(1, at.outputs[0] + 1) if size(rows) <= _BAND]
    return max(fitting, default=1)


def as_signed(x: Tensor, loaded: Expression, lanes: int) -> Expression:
    """Codes of x as int8: those of uint8 less 128, which flips the sign bit."""
    if x.type.integer.signed:
        return loaded
    dtype = vector("int8", lanes)
    mask = tirx.IntImm("int8", -128)
    wide = mask if lanes == 1 else tirx.Broadcast(mask, lanes)
    return tirx.bitwise_xor(tirx.reinterpret(dtype, loaded), wide)


def _copy(x: Tensor, begin: Expression, band: Buffer, to: Expression, size: int) -> None:
    """Bytes into the band, a vector at a time; the last vector overlaps the one before."""
    function = x.function

    def move(offset: Expression, lanes: int) -> None:
        loaded = as_signed(x, load(x.buffer, begin + offset, lanes), lanes)
        function.store(band, to + offset, loaded, lanes)

    if size < BYTES:
        for k in range(size):
            move(index(k), 1)
        return
    with _over(function, size // BYTES) as k:
        move(k * index(BYTES), BYTES)
    if size % BYTES:
        move(index(size - BYTES), BYTES)


@contextmanager
def _over(function: Function, extent: int) -> Generator[Expression, None, None]:
    if extent == 1:
        yield index(0)
    else:
        with function.loop(extent) as place:
            yield place
