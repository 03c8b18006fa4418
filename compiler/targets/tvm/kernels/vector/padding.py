# SPDX-License-Identifier: Apache-2.0
"""The plane that a window slides over: x itself, or a copy in a frame of padded elements."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from intaglio.compiler.targets.tvm.function import Function, cast, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Tensor, split
from intaglio.compiler.targets.tvm.kernels.windows import Frame
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

SLACK = 64
"""Bytes behind a copy: the last word of a row may reach beyond it, where weights are 0."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Bytes in memory, ``[N, rows, columns, channels]``.

    Attributes:
        function: where statements go.
        buffer: the bytes.
        shape: rows, columns, channels.
        flip: whether the sign bit has yet to be flipped, since codes are int8.
    """

    function: Function
    buffer: Buffer
    shape: tuple[int, int, int]
    flip: bool

    def offset(self, n: Expression, row: Expression, column: Expression) -> Expression:
        """Where a pixel starts."""
        rows, columns, channels = self.shape
        return ((n * index(rows) + row) * index(columns) + column) * index(channels)

    def four_bytes(self, at: Expression) -> Expression:
        """Four neighbouring bytes as one int32."""
        word = tirx.reinterpret("int32", load(self.buffer, at, 4))
        if self.flip:
            word = tirx.bitwise_xor(word, tirx.IntImm("int32", -0x7F7F7F80))
        return word

    def vector(self, at: Expression, lanes: int) -> Expression:
        """Neighbouring bytes as unsigned ones."""
        loaded = load(self.buffer, at, lanes)
        if not self.flip:
            return loaded
        flipped = tirx.reinterpret(f"uint8x{lanes}", loaded)
        return tirx.bitwise_xor(flipped, tirx.Broadcast(tirx.IntImm("uint8", 128), lanes))


@dataclass(frozen=True, slots=True)
class Centred:
    """int32 in memory without a zero point, ``[N, rows, columns, channels]``.

    Attributes:
        buffer: the elements.
        shape: rows, columns, channels.
    """

    buffer: Buffer
    shape: tuple[int, int, int]

    def offset(self, n: Expression, row: Expression, column: Expression) -> Expression:
        """Where a pixel starts."""
        rows, columns, channels = self.shape
        return ((n * index(rows) + row) * index(columns) + column) * index(channels)


def plane_of(x: Tensor, shape: tuple[int, int, int], offset: int) -> Plane:
    """``x`` where it lies, images of ``shape``: rows, columns, channels."""
    return Plane(x.function, x.buffer, shape, offset > 0)


def framed(
    function: Function, x: Tensor, shape: tuple[int, int, int], frame: Frame, offset: int
) -> Plane:
    """A copy of images of ``shape`` in frames, as unsigned bytes, with ``SLACK`` behind."""
    plane = _outer(shape, frame)
    copy = function.scratch("uint8", _images(x, shape) * prod(plane) + SLACK)
    flip = tirx.IntImm("uint8", offset)

    def code(source: Expression) -> Expression:
        value = cast("uint8", load(x.buffer, source))
        return tirx.bitwise_xor(value, flip) if offset else value

    _copy(function, x, shape, frame, copy, tirx.IntImm("uint8", frame.value + offset), code)
    return Plane(function, copy, plane, False)


def centred(
    function: Function, x: Tensor, shape: tuple[int, int, int], frame: Frame, zero_point: int
) -> Centred:
    """A copy of images of ``shape`` in frames, as int32 without the zero point."""
    plane, zero = _outer(shape, frame), index(zero_point)
    copy = function.scratch("int32", _images(x, shape) * prod(plane))

    def code(source: Expression) -> Expression:
        return cast("int32", load(x.buffer, source)) - zero

    _copy(function, x, shape, frame, copy, index(frame.value - zero_point), code)
    return Centred(copy, plane)


def _outer(shape: tuple[int, int, int], frame: Frame) -> tuple[int, int, int]:
    rows, columns, channels = shape
    top, left, bottom, right = frame.pads
    return (rows + top + bottom, columns + left + right, channels)


def _images(x: Tensor, shape: tuple[int, int, int]) -> int:
    return x.type.size // prod(shape)


def _copy(
    function: Function,
    x: Tensor,
    shape: tuple[int, int, int],
    frame: Frame,
    copy: Buffer,
    padding: Expression,
    code: Callable[[Expression], Expression],
) -> None:
    """Write frames of ``padding`` around what ``code`` makes of the elements of x."""
    rows, columns, channels = shape
    top, left, bottom, right = frame.pads
    plane = _outer(shape, frame)

    def fill(start: Expression, count: int) -> None:
        if count:
            with function.loop(count * channels) as k:
                function.store(copy, start + k, padding)

    with split(function, (_images(x, shape), rows)) as (n, i):
        image = function.bind(n * index(prod(plane)))
        with function.when(tirx.EQ(i, index(0))):
            fill(image, top * plane[1])
        start = function.bind(image + (i + index(top)) * index(plane[1] * channels))
        fill(start, left)
        with function.loop(columns * channels) as k:
            source = (n * index(rows) + i) * index(columns * channels) + k
            function.store(copy, start + index(left * channels) + k, code(source))
        fill(start + index((left + columns) * channels), right)
        with function.when(tirx.EQ(i, index(rows - 1))):
            fill(image + index((top + rows) * plane[1] * channels), bottom * plane[1])
