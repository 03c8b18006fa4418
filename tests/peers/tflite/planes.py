# SPDX-License-Identifier: Apache-2.0
"""Pools, means, sums and interpolation."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from tests.peers.tflite.activations import ACTIVATIONS
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Case, Operator, case, plain
from tests.peers.tflite.windows import SAME, VALID, plane


def average_pools(draw: Draw) -> Iterator[Case]:
    """AVERAGE_POOL_2D; operand and result share their parameters."""
    for kernel, stride, padding in ((2, 2, VALID), (3, 1, SAME), (4, 2, SAME), (7, 1, VALID)):
        for activation in ACTIVATIONS:
            x = draw.activation(draw.codes(1, 12, 11, 5), activation)
            size, pads = plane(x.codes.shape, kernel, stride, 1, padding)
            result = replace(x, codes=np.zeros((1, *size, 5), draw.dtype))
            yield case(
                f"kernel {kernel} stride {stride} {activation.name}",
                scaled.AveragePool2d(
                    (kernel, kernel), (stride, stride), pads, activation=activation.clip
                ),
                (x,),
                result,
                Operator(
                    "AVERAGE_POOL_2D",
                    (x,),
                    result,
                    "Pool2DOptions",
                    _pool(padding, kernel, stride, activation.number),
                ),
            )


def maximum_pools(draw: Draw) -> Iterator[Case]:
    """MAX_POOL_2D; operand and result share their parameters."""
    for kernel, stride, padding in ((2, 2, VALID), (3, 1, SAME), (3, 2, SAME)):
        for activation in ACTIVATIONS:
            x = draw.activation(draw.codes(1, 12, 11, 5), activation)
            size, pads = plane(x.codes.shape, kernel, stride, 1, padding)
            result = replace(x, codes=np.zeros((1, *size, 5), draw.dtype))
            yield case(
                f"kernel {kernel} stride {stride} {activation.name}",
                scaled.MaxPool2d(
                    (kernel, kernel), (stride, stride), pads, activation=activation.clip
                ),
                (x,),
                result,
                Operator(
                    "MAX_POOL_2D",
                    (x,),
                    result,
                    "Pool2DOptions",
                    _pool(padding, kernel, stride, activation.number),
                ),
            )


def means(draw: Draw) -> Iterator[Case]:
    """MEAN over planes and single axes."""
    yield from _reductions(draw, "MEAN")


def sums(draw: Draw) -> Iterator[Case]:
    """SUM over planes and single axes."""
    yield from _reductions(draw, "SUM")


def _reductions(draw: Draw, name: str) -> Iterator[Case]:
    for axes, keep in (((1, 2), True), ((1, 2), False), ((2,), False), ((3,), True), ((1,), True)):
        for equal in (False, True):
            x = draw.activation(draw.codes(2, 7, 6, 9))
            shape = tuple(
                1 if axis in axes else extent
                for axis, extent in enumerate(x.codes.shape)
                if keep or axis not in axes
            )
            count = float(np.prod([x.codes.shape[axis] for axis in axes]))
            spread = 2 / np.sqrt(count) if name == "MEAN" else 2 * np.sqrt(count)
            result = draw.result(shape, x.scales[0] * spread)
            if equal:
                result = replace(result, scales=x.scales, zero_points=x.zero_points)
            operator = Operator(
                name, (x, plain(axes)), result, "ReducerOptions", {"keepDims": keep}
            )
            reduction = scaled.ReduceMean if name == "MEAN" else scaled.ReduceSum
            op = reduction(axes, keep)
            label = f"axes {axes} keep {keep} equal {equal}"
            yield case(label, op, (x,), result, operator)


def interpolations(draw: Draw) -> Iterator[Case]:
    """RESIZE_BILINEAR up and down, in each of its three coordinate systems."""
    for half_pixel, aligned in ((False, False), (True, False), (False, True)):
        for rows, columns in ((14, 12), (9, 11), (4, 3), (7, 17), (1, 5)):
            x = draw.activation(draw.codes(1, 7, 6, 4))
            result = replace(x, codes=np.zeros((1, rows, columns, 4), draw.dtype))
            operator = Operator(
                "RESIZE_BILINEAR",
                (x, plain((rows, columns))),
                result,
                "ResizeBilinearOptions",
                {"halfPixelCenters": half_pixel, "alignCorners": aligned},
            )
            op = scaled.ResizeLinear(half_pixel, aligned)
            label = f"to {rows} by {columns} half pixel {half_pixel} aligned {aligned}"
            yield case(label, op, (x,), result, operator)


def _pool(padding: int, kernel: int, stride: int, activation: int) -> dict[str, int | float | bool]:
    return {
        "padding": padding,
        "filterWidth": kernel,
        "filterHeight": kernel,
        "strideW": stride,
        "strideH": stride,
        "fusedActivationFunction": activation,
    }
