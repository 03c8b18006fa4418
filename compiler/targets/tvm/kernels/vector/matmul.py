# SPDX-License-Identifier: Apache-2.0
"""Products with a constant matrix: a convolution whose pixels are the rows of the left matrix."""

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Contraction, contraction
from intaglio.compiler.targets.tvm.kernels.vector.convolution import taps, tiled
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks, Epilogue
from intaglio.compiler.targets.tvm.kernels.vector.padding import framed, plane_of
from intaglio.compiler.targets.tvm.kernels.vector.unit import GROUP, Unit
from intaglio.compiler.targets.tvm.kernels.windows import NO_FRAME, Windows


def matmul(scope: Scope, op: fixed.MatMul, unit: Unit) -> Kernel | None:
    """The kernel of a product with one constant matrix, None where this form doesn't serve it."""
    found = multiplied(scope, op)
    if found is None:
        return None
    add_matmul(scope, op, found, unit, scope.operand(0), scope.result())
    return scope.function.finish(f"{unit.name} matrix product")


def multiplied(scope: Scope, op: fixed.MatMul) -> Contraction | None:
    """The sums of a product with one constant matrix, None where this form doesn't serve it."""
    matrix = scope.constant(1)
    if matrix is None or matrix.ndim != 2:
        return None
    depth, outputs = matrix.shape
    weights = np.ascontiguousarray(matrix.T).reshape(outputs, 1, 1, depth)
    return contraction(scope, op, weights, op.right_zero_points, op.left_zero_point)


def add_matmul(
    scope: Scope, op: fixed.MatMul, found: Contraction, unit: Unit, x: Tensor, y: Tensor
) -> None:
    """Compute a product with one constant matrix."""
    outputs, _, _, depth = found.weights.shape
    rows = x.type.size // depth
    if depth % GROUP:
        plane = framed(scope.function, x, (1, rows, depth), NO_FRAME, found.offset)
    else:
        plane = plane_of(x, (1, rows, depth), found.offset)
    epilogue = Epilogue(scope, op, found.total, Blocks(outputs, unit.lanes), y)
    windows = Windows(1, 1, rows, (1, 1), 1)
    tiled(unit, scope.function, windows, taps(found.weights, 1), found.bias, plane, epilogue)
