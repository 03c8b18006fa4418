# SPDX-License-Identifier: Apache-2.0
"""What windows see: x itself, a copy in a frame, or each window's bytes side by side.

All bytes are signed: a copy turns the sign bit of unsigned codes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Tensor, nest, split
from intaglio.compiler.targets.tvm.kernels.windows import Frame, Windows
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

SLACK = 64
"""Bytes behind a copy: the last word of a row may reach beyond it, where weights are 0."""

_UNROLLED = 4


@dataclass(frozen=True, slots=True)
class Plane:
    """Signed bytes in memory, ``[N, rows, columns, channels]``.

    Attributes:
        buffer: the bytes.
        shape: rows, columns, channels.
        start: the offset of the first byte.
    """

    buffer: Buffer
    shape: tuple[int, int, int]
    start: int = 0

    def offset(self, n: Expression, row: Expression, column: Expression) -> Expression:
        """Where a pixel starts."""
        rows, columns, channels = self.shape
        place = ((n * index(rows) + row) * index(columns) + column) * index(channels)
        return place + index(self.start)

    def size(self, batch: int) -> int:
        """Bytes."""
        return batch * self.shape[0] * self.shape[1] * self.shape[2]


def flip_of(x: Tensor) -> int:
    """What turns a byte of x into the signed byte that is multiplied."""
    return 0 if x.type.integer.signed else 128


def framed(
    function: Function,
    x: Tensor,
    shape: tuple[int, int, int],
    frame: Frame,
    memory: Buffer,
    start: int,
) -> Plane:
    """A copy of images of ``shape`` in frames, from offset ``start`` of ``memory`` on."""
    rows, columns, channels = shape
    top, left, bottom, right = frame.pads
    plane = Plane(memory, (rows + top + bottom, columns + left + right, channels), start)
    batch = x.type.size // (rows * columns * channels)
    across = plane.shape[1] * channels
    line = columns * channels
    turned = flip_of(x)
    padding = tirx.IntImm(
        "int8", (frame.value ^ turned ^ 128) % 256 - 128 if turned else frame.value
    )

    def fill(at: Expression, count: int) -> None:
        def put(place: Expression, lanes: int) -> None:
            value = padding if lanes == 1 else tirx.Broadcast(padding, lanes)
            function.store(memory, at + place, value, lanes)

        pieces(function, count, put)

    with split(function, (batch, rows)) as (n, i):
        image = plane.offset(n, index(0), index(0))
        row = function.bind(plane.offset(n, i + index(top), index(0)))
        if top:
            with function.when(tirx.EQ(i, index(0))):
                fill(function.bind(image), top * across)
        fill(row, left * channels)
        source = function.bind((n * index(rows) + i) * index(line))
        to = function.bind(row + index(left * channels))

        def copy(place: Expression, lanes: int) -> None:
            loaded = signed(load(x.buffer, source + place, lanes), turned, lanes)
            function.store(memory, to + place, loaded, lanes)

        pieces(function, line, copy)
        fill(function.bind(row + index((left + columns) * channels)), right * channels)
        if bottom:
            with function.when(tirx.EQ(i, index(rows - 1))):
                fill(function.bind(row + index(across)), bottom * across)
    return plane


def signed(value: Expression, turned: int, lanes: int) -> Expression:
    """Bytes as the signed ones that are multiplied."""
    dtype = "int8" if lanes == 1 else f"int8x{lanes}"
    value = tirx.reinterpret(dtype, value)
    if not turned:
        return value
    bit = tirx.IntImm("int8", -128)
    return tirx.bitwise_xor(value, bit if lanes == 1 else tirx.Broadcast(bit, lanes))


def pieces(function: Function, count: int, put: Callable[[Expression, int], None]) -> None:
    """Call ``put`` for places and lanes that together are ``count`` bytes, some of them twice."""
    lanes = 16
    while lanes > max(count, 1):
        lanes //= 2
    whole = count // lanes
    turns = whole // _UNROLLED
    if turns:
        with nest(function, (turns,)) as (turn,):
            at = function.bind(turn * index(_UNROLLED * lanes))
            for number in range(_UNROLLED):
                put(at + index(number * lanes), lanes)
    for number in range(turns * _UNROLLED, whole):
        put(index(number * lanes), lanes)
    if count % lanes:
        # The last piece overlaps the one before.
        put(index(count - lanes), lanes)


def side_by_side(
    function: Function, plane: Plane, windows: "Windows", line: tuple[int, int], start: int
) -> Plane:
    """Each window's bytes as one row of whole steps, from an offset of the plane's memory on.

    Args:
        function: where statements go.
        plane: with ``SLACK`` behind it.
        windows: where they lie on the plane.
        line: how many parts a window has, and the bytes of each.
        start: where the rows go; ``SLACK`` follows the last.
    """
    parts, size = line
    depth = whole_steps(parts * size)
    found = Plane(plane.buffer, (1, windows.batch * windows.rows * windows.columns, depth), start)
    memory = plane.buffer
    with split(function, (windows.batch, windows.rows, windows.columns)) as (n, i, j):
        corner = plane.offset(n, i * index(windows.strides[0]), j * index(windows.strides[1]))
        corner = function.bind(corner)
        pixel = (n * index(windows.rows) + i) * index(windows.columns) + j
        to = function.bind(pixel * index(depth) + index(start))
        for part in range(parts):
            skip = part * windows.row_dilation * plane.shape[1] * plane.shape[2]
            # What is copied beyond a part is overwritten by the next one.
            for byte, lanes in _exactly(size) if part == parts - 1 else _beyond(size):
                value = load(memory, corner + index(skip + byte), lanes)
                function.store(memory, to + index(part * size + byte), value, lanes)
    return found


def _beyond(size: int) -> list[tuple[int, int]]:
    """Places and lanes of the fewest pieces that cover ``size`` bytes."""
    lanes = 4 if size <= 4 else 8 if size <= 8 else 16
    return [(byte, lanes) for byte in range(0, size, lanes)]


def _exactly(size: int) -> list[tuple[int, int]]:
    """Places and lanes of pieces that are ``size`` bytes, some of them twice."""
    lanes = next(lanes for lanes in (16, 8, 4, 2, 1) if lanes <= size)
    return [(min(byte, size - lanes), lanes) for byte in range(0, size, lanes)]


def whole_steps(size: int) -> int:
    """Bytes of the fewest steps that hold ``size`` bytes."""
    return -(-size // 8) * 8
