# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one group, and products with a constant matrix, whose rows are pixels."""

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.mve.epilogue import Epilogue
from intaglio.compiler.targets.tvm.kernels.mve.plane import Geometry, line
from intaglio.compiler.targets.tvm.kernels.mve.sums import short, tiled
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.kernels.vector.contraction import (
    Contraction,
    Int8Array,
    Int32Array,
    contraction,
)

_SIGN = 128


def convolution(scope: Scope, op: fixed.Conv2d) -> Kernel | None:
    """The kernel of a convolution of one group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if op.groups != 1 or weights is None:
        return None
    found = contraction(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    if found is None:
        return None
    geometry = geometry_of(scope, op, (weights.shape[1], weights.shape[2]))
    return _kernel(scope, op, found, spread(found.weights, op.dilations[1]), geometry, "conv")


def matmul(scope: Scope, op: fixed.MatMul) -> Kernel | None:
    """The kernel of a product with one constant matrix, None where this form doesn't serve it."""
    matrix = scope.constant(1)
    if matrix is None or matrix.ndim != 2:
        return None
    depth, outputs = matrix.shape
    weights = np.ascontiguousarray(matrix.T).reshape(outputs, 1, 1, depth)
    found = contraction(scope, op, weights, op.right_zero_points, op.left_zero_point)
    if found is None:
        return None
    rows = scope.graph.operand_types(scope.node)[0].size // depth
    return _kernel(scope, op, found, spread(found.weights, 1), line(rows, depth), "matrix product")


def _kernel(
    scope: Scope,
    op: AccumulateOp,
    found: Contraction,
    taps: Int8Array,
    geometry: Geometry,
    form: str,
) -> Kernel:
    if geometry.is_line:
        geometry = geometry.as_line
    x, y = scope.operand(0), scope.result()
    lanes = 8 if short(geometry) else 4
    epilogue = Epilogue(scope, op, found.total, signed_bias(found), lanes, y)
    tiled(geometry, taps, x, epilogue)
    return scope.function.finish(f"mve {form}")


def geometry_of(scope: Scope, op: fixed.Conv2d, kernel: tuple[int, int]) -> Geometry:
    """Where the windows of a convolution lie."""
    batch, *plane = scope.graph.operand_types(scope.node)[0].shape
    _, rows, columns, _ = scope.node.type.shape
    shape = (plane[0], plane[1], plane[2])
    return Geometry(
        batch,
        shape,
        (rows, columns),
        kernel,
        op.strides,
        op.dilations,
        op.pads,
        op.pad_value,
    )


def signed_bias(found: Contraction) -> Int32Array:
    """By channel, the bias for codes as int8: those of uint8 with their sign bits flipped."""
    sums = found.weights.reshape(len(found.weights), -1).sum(axis=1, dtype=np.int64)
    corrected: Int32Array = (found.bias.astype(np.int64) + _SIGN * sums).astype(np.int32)
    return corrected


def spread(weights: Int8Array, dilation: int) -> Int8Array:
    """``[O, rows, bytes]``: each kernel row as it lies on the plane, zeros between."""
    outputs, rows, columns, depth = weights.shape
    wide = np.zeros((outputs, rows, (columns - 1) * dilation + 1, depth), dtype=np.int8)
    wide[:, :, ::dilation] = weights
    return wide.reshape(outputs, rows, -1)
