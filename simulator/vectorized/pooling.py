# SPDX-License-Identifier: Apache-2.0
"""Pools and interpolation: whole planes, a kernel row and a kernel column at a time."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.fixed import (
    AveragePool2d,
    Float32Average,
    MaxPool2d,
    RequantizedSum,
)
from intaglio.compiler.ir.graph import Node
from intaglio.numerics import prepare
from intaglio.numerics.float_codes import to_codes, to_float32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding
from intaglio.simulator.vectorized.borders import finite_results
from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import (
    OBJECT,
    Array,
    integer_word,
    store,
)


def _geometry(
    op: MaxPool2d | AveragePool2d, dilations: tuple[int, int], shape: tuple[int, ...]
) -> Geometry:
    return Geometry(
        op.kernel, op.strides, dilations, (op.pads[0], op.pads[1]), (shape[1], shape[2])
    )


def prepare_max_pool2d(node: Node, op: MaxPool2d, operands: Sequence[Operand]) -> Prepared:
    """``MaxPool2d``: the largest of each column of taps, then of the rows of those."""
    shape = node.type.shape
    geometry = _geometry(op, op.dilations, shape)
    type = operands[0].type.integer

    def compute(arrays: Operands) -> Array:
        planes = (geometry.plane(x, 0, shape[1], type.dtype, fill=type.minimum) for x in arrays[0])
        return np.stack([_reduced(plane, geometry, np.maximum) for plane in planes])

    return Prepared(compute, operands[0].interval)


def _reduced(plane: Array, geometry: Geometry, function: np.ufunc) -> Array:
    """Reduce each window of ``[H, W, C]`` by an associative and commutative function.

    A single window, which may be a whole plane, goes through the function in one call.
    """
    for axis in (0, 1):
        plane = np.moveaxis(plane, axis, 0)
        if geometry.extent[axis] == 1:
            window = plane[: geometry.reach(axis) + 1 : geometry.dilations[axis]]
            # NumPy would widen a sum of short words, whose bounds are known to fit.
            reduced = function.reduce(window, axis=0, keepdims=True, dtype=plane.dtype)
            plane = np.moveaxis(reduced, 0, axis)
            continue
        taps = (_tap(plane, geometry, axis, index) for index in range(geometry.kernel[axis]))
        reduced = np.array(next(taps))
        for tap in taps:
            function(reduced, tap, out=reduced)
        plane = np.moveaxis(reduced, 0, axis)
    return plane


def _tap(plane: Array, geometry: Geometry, axis: int, index: int) -> Array:
    """What one tap of every window reads along the first axis of ``plane``."""
    first, count = geometry.tap(axis, index), geometry.extent[axis]
    stride = geometry.strides[axis]
    return plane[first : first + (count - 1) * stride + 1 : stride]


def prepare_average_pool2d(node: Node, op: AveragePool2d, operands: Sequence[Operand]) -> Prepared:
    """``AveragePool2d``."""
    x = operands[0]
    geometry = _geometry(op, (1, 1), node.type.shape)
    counts = _counts(op, geometry, x.type.shape)
    match op.arithmetic:
        case RequantizedSum():
            return _requantized_sum(node, op.arithmetic, geometry, counts, x.interval)
        case Float32Average():
            return _float32_average(node, op.arithmetic, geometry, counts, x.interval)
        case _:
            assert_never(op.arithmetic)


def _counts(op: AveragePool2d, geometry: Geometry, x: tuple[int, ...]) -> Array:
    """``[rows, columns]``: the divisor of each window."""
    by_axis: list[Array] = []
    for axis in (0, 1):
        before, after = (op.pads[axis], op.pads[axis + 2]) if op.count_padding else (0, 0)
        starts = np.arange(geometry.extent[axis]) * op.strides[axis] - op.pads[axis]
        ends = np.minimum(starts + op.kernel[axis], x[axis + 1] + after)
        by_axis.append(ends - np.maximum(starts, -before))
    return np.multiply.outer(by_axis[0], by_axis[1])


def _requantized_sum(
    node: Node, arithmetic: RequantizedSum, geometry: Geometry, counts: Array, x: Interval
) -> Prepared:
    zero_point, type = arithmetic.input_zero_point, node.type.integer
    taps = geometry.kernel[0] * geometry.kernel[1]
    sums = (x - Interval(zero_point, zero_point)).hull(Interval(0, 0)).scale_by(taps)
    word = integer_word(Interval.hull_of((sums, x, zero_point)))
    chosen = {int(n): arithmetic.by_count[int(n) - 1] for n in np.unique(counts)}
    by_count = {n: prepare([requantizer]) for n, requantizer in chosen.items()}
    codes = Interval(min(r.low for r in chosen.values()), max(r.high for r in chosen.values()))

    def compute(arrays: Operands) -> Array:
        y = np.empty(node.type.shape, dtype=integer_word(codes))
        for image, result in zip(arrays[0], y, strict=True):
            plane = geometry.plane(image, 0, geometry.extent[0], word, zero_point)
            totals = _reduced(plane, geometry, np.add)
            for count, requantizer in by_count.items():
                places = counts == count
                result[places] = requantizer.apply(totals[places], interval=sums)
        return store(node.name, y, codes, type)

    return Prepared(compute, codes if type.interval.contains(codes) else type.interval)


def _float32_average(
    node: Node, arithmetic: Float32Average, geometry: Geometry, counts: Array, x: Interval
) -> Prepared:
    """Padded positions are zeros here: they change no sum."""
    zero_point, type = arithmetic.input_zero_point, node.type.integer
    input_scale = np.float32(arithmetic.input_scale.value)
    output_scale = np.float32(arithmetic.output_scale.value)
    output_zero_point = to_float32(np.array(arithmetic.output_zero_point, dtype=OBJECT))
    divisors = counts.astype(np.float32)[..., np.newaxis]
    differences = x - Interval(zero_point, zero_point)
    word = integer_word(Interval.hull_of((differences, x, zero_point)))
    rows = geometry.extent[0]
    codes = Interval(arithmetic.low, arithmetic.high)

    def average(image: Array) -> Array:
        centres = geometry.plane(image, 0, rows, word, zero_point)
        windows = geometry.windows(to_float32(centres) * input_scale, rows)
        total = np.zeros((*geometry.extent, image.shape[2]), dtype=np.float32)
        for r, s in np.ndindex(geometry.kernel):
            total += windows[:, :, r, s]
        return total / divisors / output_scale + output_zero_point

    def compute(arrays: Operands) -> Array:
        with finite_results(node.name):
            values = np.stack([average(image) for image in arrays[0]])
        found = to_codes(values, Rounding.HALF_EVEN, 0, codes.low, codes.high)
        return store(node.name, found, codes, type)

    return Prepared(compute, codes if type.interval.contains(codes) else type.interval)
