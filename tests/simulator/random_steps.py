# SPDX-License-Identifier: Apache-2.0
"""Random sums and elementwise ops on top of a growing graph."""

from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Overflow
from tests.simulator import random_arithmetic as arithmetic
from tests.simulator.random_growth import Growth, Shape


def _kernel(grow: Growth, padded: Shape) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and dilations that fit on a plane."""
    kernel = grow.size(1, min(3, padded[0])), grow.size(1, min(3, padded[1]))
    dilations = [
        grow.size(1, min(3, (extent - 1) // (taps - 1))) if taps > 1 else 1
        for extent, taps in zip(padded, kernel, strict=True)
    ]
    return kernel, (dilations[0], dilations[1])


def conv2d(grow: Growth) -> None:
    """Grouped and depthwise convolutions included."""
    x, type = grow.operand(rank=4, most_bits=16)
    _, rows, columns, channels = type.shape
    groups = grow.draw(st.sampled_from([g for g in range(1, 6) if channels % g == 0]))
    outputs = groups * grow.size(1, 3)
    pads = (*grow.pair(0, 2), *grow.pair(0, 2))
    kernel, dilations = _kernel(grow, (rows + pads[0] + pads[2], columns + pads[1] + pads[3]))
    weights = grow.draw(arithmetic.int_types(16))
    accumulator = grow.draw(arithmetic.accumulators())
    op = fixed.Conv2d(
        accumulator,
        grow.pair(1, 3),
        pads,
        dilations,
        groups,
        grow.code(type.integer),
        grow.zero_points(weights, outputs),
        grow.code(type.integer),
    )
    w = grow.constant(weights, (outputs, *kernel, channels // groups))
    grow.emit(op, [x, w, *grow.bias(outputs)], accumulator.type)


def conv_transpose2d(grow: Growth) -> None:
    """With pads that leave something, and rows or columns beyond the last window."""
    x, type = grow.operand(rank=4, most_bits=16)
    batch, _, _, channels = type.shape
    groups = grow.draw(st.sampled_from([g for g in range(1, 6) if channels % g == 0]))
    outputs = groups * grow.size(1, 2)
    kernel, strides, dilations = grow.pair(1, 3), grow.pair(1, 3), grow.pair(1, 2)
    pads: list[int] = []
    extents: list[int] = []
    for axis in (0, 1):
        full = (type.shape[1 + axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1
        before, after = grow.size(0, min(2, (full - 1) // 2)), grow.size(0, min(2, (full - 1) // 2))
        pads += [before, after]
        extents.append(full - before - after + grow.size(0, strides[axis] - 1))
    weights = grow.draw(arithmetic.int_types(16))
    accumulator = grow.draw(arithmetic.accumulators())
    op = fixed.ConvTranspose2d(
        accumulator,
        strides,
        (pads[0], pads[2], pads[1], pads[3]),
        dilations,
        groups,
        grow.code(type.integer),
        grow.zero_points(weights, outputs),
    )
    w = grow.constant(weights, (outputs, *kernel, channels // groups))
    shape = (batch, extents[0], extents[1], outputs)
    grow.emit(op, [x, w, *grow.bias(outputs)], accumulator.type, shape)


def matmul(grow: Growth) -> None:
    """By a constant matrix, by a computed one, or batched."""
    a, type = grow.operand(most_bits=20, least_rank=1)
    leading, depth = type.shape[:-2], type.shape[-1]
    width = grow.size(1, 4)
    element = grow.draw(arithmetic.int_types(20))
    shape = (*grow.draw(st.sampled_from([(), leading])), depth, width)
    if grow.draw(st.booleans()):
        b = grow.constant(element, shape)
    else:
        b = grow.builder.input("b", TensorType(element, shape))
    accumulator = grow.draw(arithmetic.accumulators())
    op = fixed.MatMul(accumulator, grow.code(type.integer), grow.zero_points(element, width))
    grow.emit(op, [a, b, *grow.bias(width)], accumulator.type)


def reduce_sum(grow: Growth) -> None:
    """Over any axes."""
    x, type = grow.operand(least_rank=1)
    axes = grow.draw(st.sets(st.integers(0, type.rank - 1), min_size=1))
    accumulator = grow.draw(arithmetic.accumulators())
    keep, zero = grow.draw(st.booleans()), grow.code(type.integer)
    op = fixed.ReduceSum(accumulator, tuple(sorted(axes)), keep, zero)
    grow.emit(op, [x], accumulator.type)


def channels_of(shape: Shape) -> int:
    """The extent of the last axis."""
    return shape[-1] if shape else 1


def requantize(grow: Growth) -> None:
    """Per tensor or per channel, of one scaling class or of several."""
    x, type = grow.operand()
    to = grow.draw(arithmetic.int_types(16))
    one_class = st.sampled_from(list(arithmetic.SCALINGS.values()))
    scaling = grow.draw(st.one_of(one_class, st.just(arithmetic.ANY_SCALING)))
    count = grow.draw(st.sampled_from([1, channels_of(type.shape)]))
    found = [grow.draw(arithmetic.requantizers(to, scaling)) for _ in range(count)]
    grow.emit(fixed.Requantize(tuple(found)), [x], to)


def lookup(grow: Growth) -> None:
    """In one table or in one for each channel."""
    x, type = grow.operand(most_bits=8)
    to = grow.draw(arithmetic.int_types())
    entries = 1 << type.integer.bits
    shapes = [(entries,), *([(type.shape[-1], entries)] if type.shape else [])]
    grow.emit(fixed.Lookup(), [x, grow.constant(to, grow.draw(st.sampled_from(shapes)))], to)


def second(grow: Growth, shape: Shape, most_bits: int) -> tuple[str, TensorType]:
    """An operand that broadcasts with one of that shape."""
    element = grow.draw(arithmetic.int_types(most_bits))
    extents = [grow.draw(st.sampled_from([extent, 1])) for extent in shape]
    dropped = grow.draw(st.sampled_from([0, 0, grow.size(0, len(shape))]))
    type = TensorType(element, tuple(extents[dropped:]))
    if grow.draw(st.booleans()):
        return grow.constant(element, type.shape), type
    return grow.builder.input("x", type), type


def pairwise(grow: Growth) -> None:
    """Any two-input arithmetic."""
    left, first = grow.operand(most_bits=16)
    right, other = grow.draw(st.sampled_from([(left, first), second(grow, first.shape, 16)]))
    to = grow.draw(arithmetic.int_types(16))
    op = fixed.Pairwise(grow.draw(arithmetic.pair_arithmetics(first.integer, other.integer, to)))
    grow.emit(op, [left, right], to)


def exact_pair(grow: Growth) -> None:
    """Sum, difference, product, minimum or maximum, in the narrowest type that holds it."""
    left, first = grow.operand(most_bits=62)
    right, other = second(grow, first.shape, most_bits=32)
    product = fixed.Multiply(grow.code(first.integer), grow.code(other.integer))
    ops: list[fixed.Op] = [fixed.Add(), fixed.Subtract(), product, fixed.Minimum(), fixed.Maximum()]
    grow.emit(grow.draw(st.sampled_from(ops)), [left, right])


def clamp(grow: Growth) -> None:
    """Per tensor or per channel."""
    x, type = grow.operand()
    count = grow.draw(st.sampled_from([1, channels_of(type.shape)]))
    bounds = [grow.draw(arithmetic.clamps(type.integer)) for _ in range(count)]
    low, high = zip(*bounds, strict=True)
    grow.emit(fixed.Clamp(low, high), [x])


def cast(grow: Growth) -> None:
    """To a narrower or wider type."""
    x, _ = grow.operand()
    op = fixed.Cast(grow.draw(st.sampled_from([Overflow.WRAP, Overflow.SATURATE])))
    grow.emit(op, [x], grow.draw(arithmetic.int_types()))
