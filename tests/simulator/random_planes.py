# SPDX-License-Identifier: Apache-2.0
"""Random pooling, interpolation, softmax, moves and float borders on top of a growing graph."""

from math import prod

import numpy as np
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.moves import PadMode
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.numerics.integers import IntType
from intaglio.numerics.quantize_method import QuantizeMethod
from tests.simulator import random_arithmetic as arithmetic
from tests.simulator.random_growth import Growth, Shape


def _window(grow: Growth, extents: Shape) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """A kernel and pads, such that every window sees an element."""
    kernel = grow.size(1, extents[0]), grow.size(1, extents[1])
    top, left = grow.size(0, kernel[0] - 1), grow.size(0, kernel[1] - 1)
    bottom, right = grow.size(0, kernel[0] - 1), grow.size(0, kernel[1] - 1)
    return kernel, (top, left, bottom, right)


def max_pool2d(grow: Growth) -> None:
    """With pads or with dilations."""
    x, type = grow.operand(rank=4)
    rows, columns = type.shape[1:3]
    if grow.draw(st.booleans()):
        kernel, pads = _window(grow, (rows, columns))
        op = fixed.MaxPool2d(kernel, grow.pair(1, 3), pads)
    else:
        dilations = grow.pair(1, 3)
        kernel = (
            grow.size(1, (rows - 1) // dilations[0] + 1),
            grow.size(1, (columns - 1) // dilations[1] + 1),
        )
        op = fixed.MaxPool2d(kernel, grow.pair(1, 3), dilations=dilations)
    grow.emit(op, [x], type.element)


def average_pool2d(grow: Growth) -> None:
    """With the padding counted or not."""
    x, type = grow.operand(rank=4, most_bits=24)
    kernel, pads = _window(grow, type.shape[1:3])
    to = grow.draw(arithmetic.int_types(16))
    mean = grow.draw(arithmetic.pool_arithmetics(type.integer, to, prod(kernel)))
    count_padding = grow.draw(st.booleans())
    grow.emit(fixed.AveragePool2d(mean, kernel, grow.pair(1, 3), pads, count_padding), [x], to)


def resize_linear(grow: Growth) -> None:
    """Any neighbours with any weights."""
    x, type = grow.operand(rank=4, most_bits=32)
    denominators = [grow.draw(st.sampled_from([1, 4, 1024, 2048, 7])) for _ in range(2)]
    lists: list[tuple[int, ...]] = []
    for extent, denominator in zip(type.shape[1:3], denominators, strict=True):
        indices = st.integers(0, extent - 1)
        places = st.tuples(indices, indices, st.integers(0, denominator))
        lists += zip(*grow.draw(st.lists(places, min_size=1, max_size=5)), strict=True)
    rows_low, rows_high, row_weights, columns_low, columns_high, column_weights = lists
    op = fixed.ResizeLinear(
        rows_low,
        rows_high,
        row_weights,
        columns_low,
        columns_high,
        column_weights,
        denominators[0],
        denominators[1],
    )
    grow.emit(op, [x])


def softmax(grow: Growth) -> None:
    """Any algorithm along any axis."""
    x, type = grow.operand(most_bits=8, least_rank=1)
    to = grow.draw(arithmetic.int_types(16))
    algorithm = grow.draw(arithmetic.softmax_algorithms(to))
    grow.emit(fixed.Softmax(algorithm, grow.size(0, type.rank - 1)), [x], to)


def quantize(grow: Growth) -> None:
    """From a new float32 input, perhaps moved."""
    x = grow.builder.input("f", TensorType(FLOAT32, grow.shape()))
    if grow.draw(st.booleans()):
        _move(grow, x, grow.builder.type_of(x))
        x = list(grow.builder.definitions)[-1]
    if grow.draw(st.booleans()):
        grow.emit(fixed.Float32Order(), [x], IntType(32, signed=True))
        return
    to = grow.draw(arithmetic.int_types())
    op = fixed.Quantize(
        grow.draw(arithmetic.scales()),
        grow.code(to),
        grow.draw(arithmetic.ROUNDINGS),
        grow.draw(st.sampled_from(QuantizeMethod)),
    )
    grow.emit(op, [x], to)


def dequantize(grow: Growth) -> None:
    """With a tail of float32 ops."""
    x, type = grow.operand(most_bits=32)
    op = fixed.Dequantize(grow.draw(arithmetic.scales()), grow.code(type.integer))
    y = grow.builder.node("r", TensorType(FLOAT32, type.shape), op, [x])
    match grow.size(0, 3):
        case 0:
            function = grow.draw(st.sampled_from(BinaryFunction))
            scale = grow.draw(arithmetic.scales(-4, 1))
            if function is BinaryFunction.DIVIDE:
                z = grow.builder.constant("d", TensorType(FLOAT32, ()), np.array(scale.value))
            else:
                other = fixed.Dequantize(scale, grow.code(type.integer))
                z = grow.builder.node("r", TensorType(FLOAT32, type.shape), other, [x])
            grow.emit(fixed.Float32Binary(function), [y, z], FLOAT32)
        case 1 if type.rank:
            grow.emit(fixed.Float32Softmax(grow.size(0, type.rank - 1)), [y], FLOAT32)
        case 2:
            _move(grow, y, grow.builder.type_of(y))
        case _:
            return


def move(grow: Growth) -> None:
    """Any move of integers."""
    x, type = grow.operand()
    _move(grow, x, type)


def _move(grow: Growth, x: str, type: TensorType) -> None:
    kinds = [_transpose, _reshape]
    kinds += [_slice, _concat, _pad] if type.rank else []
    kinds += [_resize_nearest] if type.rank == 4 else []
    grow.draw(st.sampled_from(kinds))(grow, x, type)


def _transpose(grow: Growth, x: str, type: TensorType) -> None:
    permutation = grow.draw(st.permutations(range(type.rank)))
    grow.emit(fixed.Transpose(tuple(permutation)), [x], type.element)


def _reshape(grow: Growth, x: str, type: TensorType) -> None:
    factor = grow.draw(st.sampled_from([n for n in range(1, 9) if type.size % n == 0]))
    shapes = [(type.size,), (factor, type.size // factor), (1, *type.shape), type.shape[::-1]]
    grow.emit(fixed.Reshape(), [x], type.element, grow.draw(st.sampled_from(shapes)))


def _slice(grow: Growth, x: str, type: TensorType) -> None:
    starts, steps, shape = list[int](), list[int](), list[int]()
    for extent in type.shape:
        start = grow.size(0, extent - 1)
        step = grow.draw(st.sampled_from([1, 2, -1, -2]))
        room = extent - 1 - start if step > 0 else start
        starts.append(start)
        steps.append(step)
        shape.append(grow.size(1, room // abs(step) + 1))
    grow.emit(fixed.Slice(tuple(starts), tuple(steps)), [x], type.element, tuple(shape))


def _concat(grow: Growth, x: str, type: TensorType) -> None:
    axis = grow.size(0, type.rank - 1)
    operands = [x]
    if isinstance(type.element, IntType):
        extent = grow.size(1, 3)
        shape = (*type.shape[:axis], extent, *type.shape[axis + 1 :])
        operands.append(grow.constant(type.element, shape))
    if grow.draw(st.booleans()):
        operands.append(x)
    operands = grow.draw(st.permutations(operands))
    grow.emit(fixed.Concat(axis), list(operands), type.element)


def _pad(grow: Growth, x: str, type: TensorType) -> None:
    mode = grow.draw(st.sampled_from(PadMode))
    edge = {PadMode.REFLECT: 1, PadMode.SYMMETRIC: 0}.get(mode)
    most = [2 if edge is None else min(2, extent - edge) for extent in type.shape]
    before = tuple(grow.size(0, limit) for limit in most)
    after = tuple(grow.size(0, limit) for limit in most)
    integer = isinstance(type.element, IntType)
    value = grow.code(type.integer) if integer and mode is PadMode.CONSTANT else 0
    grow.emit(fixed.Pad(before, after, mode, value), [x], type.element)


def _resize_nearest(grow: Growth, x: str, type: TensorType) -> None:
    rows, columns = (
        tuple(grow.draw(st.lists(st.integers(0, extent - 1), min_size=1, max_size=6)))
        for extent in type.shape[1:3]
    )
    grow.emit(fixed.ResizeNearest(rows, columns), [x], type.element)
