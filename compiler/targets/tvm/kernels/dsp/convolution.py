# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one group: the windows of a few outputs become the rows of a panel.

A kernel row of a window is a segment of neighbouring bytes of x, with padding before and behind;
a dilated one is a segment for each tap.  Where the channels are a multiple of four, segments are
widened from where they lie; else they are first put one behind the other.
"""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Function, Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.matmul import rows_of
from intaglio.compiler.targets.tvm.kernels.dsp.panel import (
    COPY,
    FILL,
    GROUP,
    GROUP_BYTES,
    ROWS,
    pad,
    widen,
)
from intaglio.compiler.targets.tvm.kernels.dsp.products import Products, products
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine, importing, place
from intaglio.compiler.targets.tvm.kernels.dsp.rows import Rows, Shape, codes
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, nest
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx


def convolution(scope: Scope, op: fixed.Conv2d) -> Kernel | None:
    """The kernel of a convolution of one group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if op.groups != 1 or weights is None:
        return None
    found = products(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    if found is None:
        return None
    _, kernel_rows, kernel_columns, _ = weights.shape
    if (kernel_rows, kernel_columns) == (1, 1) and op.strides == (1, 1) and not any(op.pads):
        return rows_of(scope, op, found, "arm-dsp convolution")
    return _windows(scope, op, found)


def _windows(scope: Scope, op: fixed.Conv2d, found: Products) -> Kernel:
    function = scope.function
    function.hide_sizes()
    x, y = scope.operand(0), scope.result()
    line = found.line()
    channels = found.weights.shape[3]
    groups = line.weights.shape[1] // GROUP
    apart = channels % GROUP > 0
    panel = function.scratch("uint8", groups * (GROUP_BYTES + (GROUP if apart else 0)))
    window = Window.of(op, found.weights.shape, x.type.shape, y.type.shape)
    extents = [*Shape.table(line.bias.size, line.steps), *window.words]
    geometry = function.table(np.array(extents, np.int32))
    shape = Shape.of(function, geometry)
    rows = Rows(function, line, codes(scope, op, line, y), panel, shape)
    segments = _Segments(function, window, geometry, x, panel, line.joint, found.centre, op)
    at = segments.at
    # Where the next output lies, and how many are still to be computed.
    cells = function.local("int32", 2)
    with function.loop(at["batch"]) as n:
        for number in range(2):
            function.store(cells, index(number), index(0))
        with function.loop(tirx.truncdiv(at["outputs"] + index(ROWS - 1), index(ROWS))) as tile:
            first = function.bind(tile * index(ROWS))
            here = function.bind(tirx.min(at["outputs"] - first, shape.rows))
            with function.loop(here) as row:
                i, j = (function.bind(load(cells, index(number))) for number in range(2))
                segments.fill(n, i, j, row)
                function.store(cells, index(1), j + index(1))
                with function.when(j + index(1) >= at["columns"]):
                    function.store(cells, index(0), i + index(1))
                    function.store(cells, index(1), index(0))
            to = function.bind((n * at["outputs"] + first) * shape.outputs)
            with function.when(tirx.EQ(here, shape.rows)):
                rows.store_all(to)
            with function.when(here < shape.rows), function.loop(here) as row:
                rows.store_one(function.bind(to + row * shape.outputs), row)
    kernel = function.finish("arm-dsp convolution")
    return importing(kernel, [*segments.routines, *rows.routines])


@dataclass(frozen=True, slots=True)
class Window:
    """Where windows lie.

    Attributes:
        extents: by name, words that the kernel reads from its table.
        padded: whether a window may reach beyond x.
        several: whether a kernel row is several segments.
        one_row: whether there is one kernel row.
    """

    extents: dict[str, int]
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
        """Of a convolution."""
        _, kernel_rows, kernel_columns, channels = weights
        several = op.dilations[1] > 1 and kernel_columns > 1
        extents = {
            "batch": y[0],
            "outputs": y[1] * y[2],
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
            "segments": kernel_columns if several else 1,
            "width": 1 if several else kernel_columns,
            "groups": -(-kernel_rows * kernel_columns * channels // GROUP),
        }
        return Window(extents, any(op.pads), several, kernel_rows == 1)

    @property
    def words(self) -> list[int]:
        """For the table, behind those of the ``Shape``."""
        return list(self.extents.values())

    def load(self, function: Function, geometry: Buffer) -> dict[str, Expression]:
        """The words at run time, by name."""
        before = len(Shape.table(0, 0))
        return {
            name: function.bind(load(geometry, index(before + number)))
            for number, name in enumerate(self.extents)
        }


class _Segments:
    """How a window becomes a row of the panel."""

    def __init__(
        self,
        function: Function,
        window: Window,
        geometry: Buffer,
        x: Tensor,
        panel: Buffer,
        joint: bool,
        centre: int,
        op: fixed.Conv2d,
    ) -> None:
        self._function, self._window, self._x, self._panel = function, window, x, panel
        self.at = window.load(function, geometry)
        self._apart = x.type.shape[3] % GROUP > 0
        self._widen = widen(joint, centre == 0)
        self._code = op.pad_value
        self._pad = FILL if self._apart else pad(joint, op.pad_value - centre)

    @property
    def routines(self) -> list[Routine]:
        """What it calls."""
        return [self._widen, self._pad, COPY]

    def fill(self, n: Expression, i: Expression, j: Expression, row: Expression) -> None:
        """Put the window of output ``i``, ``j`` of image ``n`` into a row of the panel."""
        function, at = self._function, self.at
        place_of_row = row * index(8)
        start = at["groups"] * index(GROUP_BYTES) if self._apart else place_of_row
        to = function.local("int32", 1)
        function.store(to, index(0), start)
        kernel_rows = 1 if self._window.one_row else at["kernel_rows"]
        segments = at["segments"] if self._window.several else 1
        with nest(function, (kernel_rows, segments)) as (r, s):
            line = function.bind(i * at["stride_rows"] + r * at["dilation_rows"] - at["top"])
            tap = s * at["dilation_columns"]
            column = function.bind(j * at["stride_columns"] + tap - at["left"])
            if self._window.padded:
                self._clipped(to, n, line, column)
            else:
                self._copy(to, n, line, column, at["width"])
        if self._apart:
            self._widen.call(
                function, place(self._panel, start), place(self._panel, place_of_row), at["groups"]
            )

    def _clipped(self, to: Buffer, n: Expression, line: Expression, column: Expression) -> None:
        """A segment that may reach beyond x."""
        function, at = self._function, self.at
        width, columns = at["width"], at["x_columns"]
        inside = tirx.And(line >= index(0), line < at["x_rows"])
        # Of a segment on no row of x, every place lies before it.
        least = tirx.Select(inside, tirx.max(index(0) - column, index(0)), width)
        before = function.bind(tirx.min(least, width))
        beyond = tirx.max(column + width - columns, index(0))
        behind = function.bind(tirx.min(beyond, width - before))
        covered = function.bind(width - before - behind)
        self._padding(to, before)
        with function.when(covered > index(0)):
            self._copy(to, n, line, function.bind(column + before), covered)
        self._padding(to, behind)

    def _padding(self, to: Buffer, places: Expression) -> None:
        function = self._function
        with function.when(places > index(0)):
            count = function.bind(places * self.at["channels"])
            target = place(self._panel, load(to, index(0)))
            if self._apart:
                self._pad.call(function, target, count, index(self._code))
            else:
                self._pad.call(function, target, tirx.shift_right(count, index(2)))
            self._advance(to, count)

    def _copy(
        self,
        to: Buffer,
        n: Expression,
        line: Expression,
        column: Expression,
        places: Expression,
    ) -> None:
        function, at = self._function, self.at
        pixel = (n * at["x_rows"] + line) * at["x_columns"] + column
        source = place(self._x.buffer, function.bind(pixel * at["channels"]))
        count = function.bind(places * at["channels"])
        target = place(self._panel, load(to, index(0)))
        if self._apart:
            COPY.call(function, source, target, count)
        else:
            self._widen.call(function, source, target, tirx.shift_right(count, index(2)))
        self._advance(to, count)

    def _advance(self, to: Buffer, count: Expression) -> None:
        """Behind ``count`` bytes of x."""
        step = 1 if self._apart else GROUP_BYTES // GROUP
        function = self._function
        function.store(to, index(0), load(to, index(0)) + count * index(step))
