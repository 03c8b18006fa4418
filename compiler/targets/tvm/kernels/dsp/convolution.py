# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one group: the windows of a few outputs become the rows of a panel.

Where the channels are a multiple of four, segments of a window are widened from where they lie;
else they are first put one behind the other.
"""

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.matmul import rows_of
from intaglio.compiler.targets.tvm.kernels.dsp.panel import GROUP, GROUP_BYTES, ROW_BYTES, ROWS
from intaglio.compiler.targets.tvm.kernels.dsp.products import Products, products
from intaglio.compiler.targets.tvm.kernels.dsp.routine import importing, place
from intaglio.compiler.targets.tvm.kernels.dsp.rows import Rows, Shape, codes
from intaglio.compiler.targets.tvm.kernels.dsp.segments import Put, Segments, Window
from intaglio.compiler.targets.tvm.kernels.dsp.settled import settled
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import Expression, tirx


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
    line, fast = settled(scope, op, found, Products.line)
    groups = line.weights.shape[1] // GROUP
    apart = x.type.shape[3] % GROUP > 0
    panel = function.scratch("uint8", groups * (GROUP_BYTES + (GROUP if apart else 0)))
    window = Window.of(op, found.weights.shape, x.type.shape, y.type.shape)
    shapes = Shape.table(line.bias.size, line.steps)
    geometry = function.table(np.array([*shapes, *window.words], np.int32))
    shape = Shape.of(function, geometry)
    at = window.load(function, geometry, len(shapes))
    rows = Rows(function, line, codes(scope, op, line, fast, y), panel, shape)
    words = Put.as_words(line.joint, found.centre, op.pad_value)
    put = Put.as_bytes(op.pad_value) if apart else words
    segments = Segments(function, window, at, x, panel, put)

    def fill(n: Expression, i: Expression, j: Expression, row: Expression) -> None:
        """Put the window of an output into a row of the panel."""
        to = row * index(ROW_BYTES)
        start = at["groups"] * index(GROUP_BYTES) if apart else to
        segments.gather(n, window.corner(function, at, i, j), start)
        if apart:
            words.copy.call(function, place(panel, start), place(panel, to), at["groups"])

    # Row and column of the next output.
    cells = function.local("int32", 2)
    with function.loop(at["batch"]) as n:
        for number in range(2):
            function.store(cells, index(number), index(0))
        with function.loop(tirx.truncdiv(at["pixels"] + index(ROWS - 1), index(ROWS))) as tile:
            first = function.bind(tile * index(ROWS))
            here = function.bind(tirx.min(at["pixels"] - first, shape.rows))
            with function.loop(here) as row:
                i, j = (function.bind(load(cells, index(number))) for number in range(2))
                fill(n, i, j, row)
                function.store(cells, index(1), j + index(1))
                with function.when(j + index(1) >= at["columns"]):
                    function.store(cells, index(0), i + index(1))
                    function.store(cells, index(1), index(0))
            to = function.bind((n * at["pixels"] + first) * shape.outputs)
            with function.when(tirx.EQ(here, shape.rows)):
                rows.store_all(to)
            with function.when(here < shape.rows), function.loop(here) as row:
                rows.store_one(function.bind(to + row * shape.outputs), row)
    kernel = function.finish("arm-dsp convolution")
    return importing(kernel, [words.copy, *segments.routines, *rows.routines])
