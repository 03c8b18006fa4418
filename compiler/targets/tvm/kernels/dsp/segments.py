# SPDX-License-Identifier: Apache-2.0
"""What a window sees, one kernel row after the other, with padding where it reaches beyond x.

A kernel row of a window is a segment of neighbouring bytes of x, with padding before and behind; a
dilated one is a segment for each tap.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.bytes import COPY, COPY_LINES, FILL
from intaglio.compiler.targets.tvm.kernels.dsp.panel import (
    GROUP,
    GROUP_BYTES,
    pad,
    widen,
    widen_lines,
)
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine, place
from intaglio.compiler.targets.tvm.kernels.scope import Tensor, nest
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx

_TURNS = ("batch", "pixels", "rows", "columns", "kernel_rows", "segments")
"""Extents of loops."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where windows lie.

    Attributes:
        extents: by name, words that the kernel reads from its table.
        padded: whether a window may reach beyond x.
        several: whether a kernel row is several segments.
        one_row: whether there is one kernel row.
    """

    extents: Mapping[str, int]
    padded: bool
    several: bool
    one_row: bool

    @staticmethod
    def of(
        op: fixed.Conv2d,
        weights: tuple[int, ...],
        x: tuple[int, ...],
        y: tuple[int, ...],
    ) -> "Window":
        """Of a convolution; ``weights``, ``x`` and ``y`` are shapes."""
        kernel_rows, kernel_columns, channels = weights[1], weights[2], x[3]
        several = op.dilations[1] > 1 and kernel_columns > 1
        line = kernel_columns * channels
        extents = {
            "batch": y[0],
            "pixels": y[1] * y[2],
            "rows": y[1],
            "columns": y[2],
            "x_rows": x[1],
            "x_columns": x[2],
            "channels": channels,
            "stride_rows": op.strides[0],
            "stride_columns": op.strides[1],
            "top": op.pads[0],
            "left": op.pads[1],
            "dilation_rows": op.dilations[0],
            "dilation_columns": op.dilations[1],
            "kernel_rows": kernel_rows,
            "kernel_columns": kernel_columns,
            "segments": kernel_columns if several else 1,
            "width": 1 if several else kernel_columns,
            "groups": -(-kernel_rows * kernel_columns * channels // GROUP),
            "line_bytes": line,
            "skipped": op.dilations[0] * x[2] * channels - line,
            "reach_rows": (kernel_rows - 1) * op.dilations[0] + 1,
            "reach_columns": (kernel_columns - 1) * op.dilations[1] + 1,
        }
        return Window(extents, any(op.pads), several, kernel_rows == 1)

    @property
    def words(self) -> list[int]:
        """For a table."""
        return list(self.extents.values())

    def load(self, function: Function, geometry: Buffer, before: int) -> dict[str, Expression]:
        """The words at run time, by name; they stand behind ``before`` others."""
        found: dict[str, Expression] = {}
        for number, name in enumerate(self.extents):
            word = load(geometry, index(before + number))
            # A compiler that knows that loops have a turn doesn't write them out for both cases.
            found[name] = function.bind(tirx.max(word, index(1)) if name in _TURNS else word)
        return found

    def corner(
        self, function: Function, at: Mapping[str, Expression], i: Expression, j: Expression
    ) -> tuple[Expression, Expression]:
        """Row and column of x where the window of output ``i``, ``j`` starts."""
        line = i * at["stride_rows"] - at["top"]
        return function.bind(line), function.bind(j * at["stride_columns"] - at["left"])

    def inside(
        self,
        function: Function,
        at: Mapping[str, Expression],
        corner: tuple[Expression, Expression],
    ) -> Expression:
        """1 where the window that starts at ``corner`` lies within x, else 0."""
        if not self.padded:
            return index(1)
        line, column = corner
        rows = tirx.And(line >= index(0), line + at["reach_rows"] <= at["x_rows"])
        columns = tirx.And(column >= index(0), column + at["reach_columns"] <= at["x_columns"])
        return function.bind(tirx.Select(tirx.And(rows, columns), index(1), index(0)))


@dataclass(frozen=True, slots=True)
class Put:
    """How bytes of x get where they are needed.

    Attributes:
        copy: ``(from, to, count)``.
        copy_lines: ``(from, to, lines, count, skipped)``.
        pad: ``(to, count)``, and the code where there are bytes.
        code: of padding.
        groups: whether counts are of groups of bytes, which become words of a panel.
    """

    copy: Routine
    copy_lines: Routine
    pad: Routine
    code: int
    groups: bool

    @staticmethod
    def as_bytes(code: int) -> "Put":
        """Side by side."""
        return Put(COPY, COPY_LINES, FILL, code, groups=False)

    @staticmethod
    def as_words(joint: bool, centre: int, code: int) -> "Put":
        """Into a row of a panel."""
        form = joint, centre == 0
        return Put(widen(*form), widen_lines(*form), pad(joint, code - centre), code, groups=True)


class Segments:
    """The segments of windows, put one behind the other."""

    def __init__(
        self,
        function: Function,
        window: Window,
        at: Mapping[str, Expression],
        x: Tensor,
        target: Buffer,
        put: Put,
    ) -> None:
        """Where they come from, and where they go.

        Args:
            function: where statements go.
            window: where windows lie.
            at: its extents at run time.
            x: the operand.
            target: bytes.
            put: how they get there.
        """
        self._function, self._window, self._at = function, window, at
        self._x, self._target, self._put = x, target, put
        self._to = function.local("int32", 1)

    @property
    def routines(self) -> tuple[Routine, ...]:
        """What it calls."""
        return self._put.copy, self._put.copy_lines, self._put.pad

    def gather(self, n: Expression, corner: tuple[Expression, Expression], to: Expression) -> None:
        """Put the window of image ``n`` that starts at ``corner`` to offset ``to`` and on."""
        function, at, window = self._function, self._at, self._window
        if window.several:
            self._gather_clipped(n, corner, to)
            return
        inside = window.inside(function, at, corner)
        with function.when(tirx.NE(inside, index(0))):
            self._put.copy_lines.call(
                function,
                self._source(n, *corner),
                place(self._target, to),
                at["kernel_rows"],
                self._count(at["line_bytes"]),
                at["skipped"],
            )
        if window.padded:
            with function.when(tirx.EQ(inside, index(0))):
                self._gather_clipped(n, corner, to)

    def _gather_clipped(
        self, n: Expression, corner: tuple[Expression, Expression], to: Expression
    ) -> None:
        """The same for a window that reaches beyond x."""
        function, at, window = self._function, self._at, self._window
        function.store(self._to, index(0), to)
        rows = 1 if window.one_row else at["kernel_rows"]
        segments = at["segments"] if window.several else 1
        with nest(function, (rows, segments)) as (r, s):
            line = function.bind(corner[0] + r * at["dilation_rows"])
            column = function.bind(corner[1] + s * at["dilation_columns"])
            if window.padded:
                self._clipped(n, line, column)
            else:
                self._copy(n, line, column, at["width"])

    def _source(self, n: Expression, line: Expression, column: Expression) -> Expression:
        at = self._at
        pixel = (n * at["x_rows"] + line) * at["x_columns"] + column
        return place(self._x.buffer, self._function.bind(pixel * at["channels"]))

    def _clipped(self, n: Expression, line: Expression, column: Expression) -> None:
        """A segment that may reach beyond x."""
        function, at = self._function, self._at
        width = at["width"]
        inside = tirx.And(line >= index(0), line < at["x_rows"])
        # Of a segment on no row of x, every place lies before it.
        least = tirx.Select(inside, tirx.max(index(0) - column, index(0)), width)
        before = function.bind(tirx.min(least, width))
        beyond = tirx.max(column + width - at["x_columns"], index(0))
        behind = function.bind(tirx.min(beyond, width - before))
        covered = function.bind(width - before - behind)
        self._padding(before)
        with function.when(covered > index(0)):
            self._copy(n, line, function.bind(column + before), covered)
        self._padding(behind)

    def _padding(self, places: Expression) -> None:
        function = self._function
        with function.when(places > index(0)):
            count = function.bind(places * self._at["channels"])
            code = () if self._put.groups else (index(self._put.code),)
            self._put.pad.call(function, self._here(), self._count(count), *code)
            self._advance(count)

    def _copy(
        self, n: Expression, line: Expression, column: Expression, places: Expression
    ) -> None:
        function, at = self._function, self._at
        source = self._source(n, line, column)
        count = function.bind(places * at["channels"])
        self._put.copy.call(function, source, self._here(), self._count(count))
        self._advance(count)

    def _here(self) -> Expression:
        return place(self._target, load(self._to, index(0)))

    def _count(self, count: Expression) -> Expression:
        return tirx.shift_right(count, index(2)) if self._put.groups else count

    def _advance(self, count: Expression) -> None:
        """Behind ``count`` bytes of x."""
        step = GROUP_BYTES // GROUP if self._put.groups else 1
        there = load(self._to, index(0)) + count * index(step)
        self._function.store(self._to, index(0), there)
