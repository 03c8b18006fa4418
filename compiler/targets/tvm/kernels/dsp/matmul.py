# SPDX-License-Identifier: Apache-2.0
"""Products with a constant matrix, and convolutions of single pixels: row after row of x."""

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.bytes import COPY
from intaglio.compiler.targets.tvm.kernels.dsp.panel import (
    GROUP,
    GROUP_BYTES,
    ROW_BYTES,
    ROWS,
    widen,
)
from intaglio.compiler.targets.tvm.kernels.dsp.products import Products, products
from intaglio.compiler.targets.tvm.kernels.dsp.routine import importing, place
from intaglio.compiler.targets.tvm.kernels.dsp.rows import Rows, Shape, codes
from intaglio.compiler.targets.tvm.kernels.dsp.settled import settled
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import tirx


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
    panel = function.scratch("uint8", groups * GROUP_BYTES + (0 if whole else groups * GROUP))
    extents = [*Shape.table(outputs, line.steps), x.type.size // depth, depth, depth // GROUP]
    geometry = function.table(np.array(extents, np.int32))
    shape = Shape.of(function, geometry)
    count, width, words = (function.bind(load(geometry, index(number))) for number in range(3, 6))
    rows = Rows(function, line, codes(scope, op, line, fast, y), panel, shape)
    fill = widen(line.joint, found.centre == 0)
    with function.loop(tirx.truncdiv(count + index(ROWS - 1), index(ROWS))) as tile:
        first = function.bind(tile * index(ROWS))
        here = function.bind(tirx.min(count - first, shape.rows))
        with function.loop(here) as row:
            source = place(x.buffer, (first + row) * width)
            if whole:
                fill.call(function, source, place(panel, row * index(ROW_BYTES)), words)
            else:
                start = words * index(GROUP_BYTES) + index(GROUP_BYTES)
                COPY.call(function, source, place(panel, start), width)
                fill.call(
                    function,
                    place(panel, start),
                    place(panel, row * index(ROW_BYTES)),
                    words + index(1),
                )
        to = function.bind(first * shape.outputs)
        with function.when(tirx.EQ(here, shape.rows)):
            rows.store_all(to)
        with function.when(here < shape.rows), function.loop(here) as row:
            rows.store_one(function.bind(to + row * shape.outputs), row)
    return importing(function.finish(form), [fill, COPY, *rows.routines])
