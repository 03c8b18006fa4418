# SPDX-License-Identifier: Apache-2.0
"""Products with a constant matrix, and convolutions of single pixels: row after row of x."""

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.bytes import COPY
from intaglio.compiler.targets.tvm.kernels.dsp.panel import (
    GROUP,
    ROW_BYTES,
    ROWS,
    widen,
)
from intaglio.compiler.targets.tvm.kernels.dsp.products import Products, products
from intaglio.compiler.targets.tvm.kernels.dsp.routine import importing, place
from intaglio.compiler.targets.tvm.kernels.dsp.rows import Rows, Shape, codes
from intaglio.compiler.targets.tvm.kernels.dsp.settled import settled
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import Expression, tirx


def matmul(scope: Scope, op: fixed.MatMul) -> Kernel | None:
    """The kernel of a product with one constant matrix, None where this form doesn't serve it."""
    matrix = scope.constant(1)
    if matrix is None or matrix.ndim != 2:
        return None
    weights = np.ascontiguousarray(matrix.T)
    found = products(scope, op, weights, op.right_zero_points, op.left_zero_point)
    if found is None:
        return None
    return rows_of(scope, op, found, "arm-dsp matrix product")


def rows_of(scope: Scope, op: AccumulateOp, found: Products, form: str) -> Kernel:
    """The kernel where x is a matrix, each row of which meets every line of weights."""
    function = scope.function
    function.hide_sizes()
    outputs, depth = found.weights.shape[0], found.weights[0].size
    x, y = scope.operand(0), scope.result()
    line, fast = settled(scope, op, found, Products.line)
    groups = line.weights.shape[1] // GROUP
    whole = depth % GROUP == 0
    # A panel of one row is smaller.
    held = 1 if x.type.size == depth else ROWS
    group_bytes = held * ROW_BYTES
    panel = function.scratch("uint8", groups * (group_bytes + (0 if whole else GROUP)))
    extents = [*Shape.table(outputs, line.steps), x.type.size // depth, depth, depth // GROUP]
    geometry = function.table(np.array(extents, np.int32))
    shape = Shape.of(function, geometry)
    count, width, words = (function.bind(load(geometry, index(number))) for number in range(3, 6))
    rows = Rows(function, line, codes(scope, op, line, fast, y), panel, shape, held)
    fill = widen(line.joint, found.centre == 0, held)

    def widened(number: Expression, row: Expression) -> None:
        """Put a row of x into a row of the panel."""
        source, to = place(x.buffer, number * width), place(panel, row * index(ROW_BYTES))
        if whole:
            fill.call(function, source, to, words)
            return
        start = place(panel, (words + index(1)) * index(group_bytes))
        COPY.call(function, source, start, width)
        fill.call(function, start, to, words + index(1))

    if held == 1:
        widened(index(0), index(0))
        rows.store_one(index(0), index(0))
        return importing(function.finish(form), [fill, COPY, *rows.routines])
    with function.loop(tirx.truncdiv(count + index(ROWS - 1), index(ROWS))) as tile:
        first = function.bind(tile * index(ROWS))
        here = function.bind(tirx.min(count - first, shape.rows))
        with function.loop(here) as row:
            widened(first + row, row)
        to = function.bind(first * shape.outputs)
        with function.when(tirx.EQ(here, shape.rows)):
            rows.store_all(to)
        with function.when(here < shape.rows), function.loop(here) as row:
            rows.store_one(function.bind(to + row * shape.outputs), row)
    return importing(function.finish(form), [fill, COPY, *rows.routines])
