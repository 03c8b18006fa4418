# SPDX-License-Identifier: Apache-2.0
"""Convolutions on planes of many blocks, against plain sums of int64 products."""

from math import ceil

import numpy as np
import pytest

from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d
from intaglio.compiler.ir.graph import Array
from intaglio.numerics import IntType
from intaglio.numerics.accumulator import AccumulationOrder, Accumulator, Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized import Program, run
from intaglio.simulator.vectorized.ordered import unproved_channels
from tests.simulator.text_cases import outcome
from tests.simulator.vectorized.networks import I32, convolution

RNG = np.random.default_rng(11)
I16 = IntType(16, signed=True)


def codes(*shape: int) -> Array:
    return RNG.integers(0, 256, shape).astype(np.uint8)


def kernels(*shape: int) -> Array:
    return RNG.integers(-128, 128, shape).astype(np.int8)


def expected_terms(op: Conv2d, x: Array, weights: Array) -> Array:
    """``[N, rows, columns, O, kh * kw * C / groups]`` int64 products, in the stated order."""
    top, left, bottom, right = op.pads
    padded = np.pad(
        x.astype(np.int64),
        ((0, 0), (top, bottom), (left, right), (0, 0)),
        constant_values=op.pad_value,
    )
    padded -= op.input_zero_point
    outputs, kernel_rows, kernel_columns, depth = weights.shape
    shape = [
        ceil((padded.shape[1] - (kernel_rows - 1) * op.dilations[0]) / op.strides[0]),
        ceil((padded.shape[2] - (kernel_columns - 1) * op.dilations[1]) / op.strides[1]),
    ]
    terms: list[Array] = []
    for o in range(outputs):
        first = o // (outputs // op.groups) * depth
        zero_point = op.weight_zero_points[o % len(op.weight_zero_points)]
        terms.append(
            np.stack(
                [
                    padded[
                        :,
                        r * op.dilations[0] :: op.strides[0],
                        s * op.dilations[1] :: op.strides[1],
                        first + c,
                    ][:, : shape[0], : shape[1]]
                    * (int(weights[o, r, s, c]) - zero_point)
                    for r, s, c in np.ndindex(kernel_rows, kernel_columns, depth)
                ],
                axis=-1,
            )
        )
    return np.stack(terms, axis=3)


CASES = {
    "pointwise": (Conv2d(Accumulator(I32)), (2, 90, 70, 13), (40, 1, 1, 13)),
    "first layer": (
        Conv2d(Accumulator(I32), (2, 2), (0, 1, 1, 2), input_zero_point=128, pad_value=128),
        (1, 120, 118, 3),
        (24, 3, 3, 3),
    ),
    "wide": (
        Conv2d(Accumulator(I32), pads=(1, 1, 1, 1), input_zero_point=3, pad_value=250),
        (1, 40, 41, 48),
        (32, 3, 3, 48),
    ),
    "dilated": (
        Conv2d(Accumulator(I32), (2, 1), (4, 0, 1, 3), (3, 2), weight_zero_points=(-128,)),
        (1, 77, 65, 9),
        (5, 2, 4, 9),
    ),
    "grouped": (
        Conv2d(
            Accumulator(I32), (1, 2), (1, 1, 1, 1), groups=4, weight_zero_points=tuple(range(12))
        ),
        (2, 60, 61, 20),
        (12, 3, 3, 5),
    ),
    "depthwise": (
        Conv2d(Accumulator(I32), pads=(1, 1, 1, 1), groups=24, input_zero_point=9, pad_value=9),
        (2, 112, 112, 24),
        (24, 3, 3, 1),
    ),
    "depthwise, strided, dilated": (
        Conv2d(Accumulator(I32), (2, 3), (2, 3, 4, 5), (2, 2), groups=31),
        (1, 101, 103, 31),
        (31, 5, 3, 1),
    ),
    "depthwise, three outputs a channel": (
        Conv2d(Accumulator(I32), (2, 2), (1, 0, 0, 1), groups=7),
        (1, 80, 75, 7),
        (21, 3, 2, 1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_convolution_is_the_sum_of_products(name: str) -> None:
    op, x_shape, w_shape = CASES[name]
    x, weights = codes(*x_shape), kernels(*w_shape)
    bias = RNG.integers(-(1 << 20), 1 << 20, w_shape[0])
    sums = expected_terms(op, x, weights).sum(axis=-1) + bias
    graph = convolution(op, x_shape, weights, sums.shape, bias)
    seen: dict[str, Array] = {}
    run(graph, {"x": x}, seen.__setitem__)
    np.testing.assert_array_equal(seen["acc"], sums)
    np.testing.assert_array_equal(Program(graph).run({"x": x})["y"], seen["y"])


def test_padding_where_the_zero_point_is_subtracted_first() -> None:
    op = Conv2d(Accumulator(I32), pads=(1, 1, 1, 1), input_zero_point=128, pad_value=5)
    x = codes(1, 8, 8, 96)
    weights = RNG.choice(np.array([-127, 127], dtype=np.int8), (4, 3, 3, 96))
    # Of raw codes the bound of a sum is beyond float32, of centred ones it is not.
    assert 128 * 127 * 864 < 1 << 24 < 255 * 127 * 864
    sums = expected_terms(op, x, weights).sum(axis=-1)
    seen: dict[str, Array] = {}
    run(convolution(op, x.shape, weights, sums.shape), {"x": x}, seen.__setitem__)
    np.testing.assert_array_equal(seen["acc"], sums)


def test_a_padded_code_may_lie_beyond_all_others() -> None:
    accumulator = "accumulator(type=i8, overflow=saturate)"
    found = outcome(
        f"""
        %x: u8[1,1,2,1] = input
        %c: u8[1,1,2,1] = clamp(%x) low=[0] high=[1]
        %w: i8[1,1,2,1] = constant [1, 1]
        %y: i8[1,1,3,1] = conv2d(%c, %w) accumulator={accumulator} pads=[0, 1, 0, 1] pad_value=255
        """,
        x=[[[[9], [0]]]],
    )
    assert found == [[[[127], [1], [127]]]]


def test_what_saturates_on_the_way_may_end_beyond_the_exact_sum() -> None:
    accumulator = "accumulator(type=i8, overflow=saturate-each-add)"
    found = outcome(
        f"""
        %x: u8[1,1,1,3] = input
        %c: u8[1,1,1,3] = clamp(%x) low=[1] high=[1]
        %w: i9[1,1,1,3] = constant [100, 100, -150]
        %a: i8[1,1,1,1] = conv2d(%c, %w) accumulator={accumulator}
        %y: u8[1,1,1,1] = cast(%a) overflow=saturate
        """,
        x=[[[[1, 2, 3]]]],
    )
    assert found == [[[[0]]]]


@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SATURATE])
@pytest.mark.parametrize("bits", [7, 16, 19])
def test_a_narrow_accumulator(overflow: Overflow, bits: int) -> None:
    type = IntType(bits, signed=True)
    op = Conv2d(Accumulator(type, overflow), pads=(1, 1, 1, 1))
    x, weights = codes(1, 20, 20, 16), kernels(8, 3, 3, 16)
    sums = expected_terms(op, x, weights).sum(axis=-1)
    expected = type.wrap_array(sums) if overflow is Overflow.WRAP else type.saturate_array(sums)
    assert (expected != sums).any()
    seen: dict[str, Array] = {}
    run(convolution(op, x.shape, weights, sums.shape), {"x": x}, seen.__setitem__)
    np.testing.assert_array_equal(seen["acc"], expected)


@pytest.mark.parametrize("order", AccumulationOrder)
@pytest.mark.parametrize("groups", [1, 4])
def test_channels_that_may_saturate_are_added_in_order(
    order: AccumulationOrder, groups: int
) -> None:
    op = Conv2d(
        Accumulator(I16, Overflow.SATURATE_EACH_ADD, order), pads=(1, 1, 1, 1), groups=groups
    )
    x, weights = codes(1, 30, 30, 8), kernels(12, 3, 3, 8 // groups)
    weights[::2] = np.floor_divide(weights[::2], 32)
    bias = RNG.integers(-20000, 20000, 12)
    bias[::2] //= 10
    terms = np.moveaxis(expected_terms(op, x, weights), -1, 0)
    constant = np.broadcast_to(bias, terms.shape[1:])
    first = order is AccumulationOrder.BIAS_FIRST
    total = np.zeros_like(constant)
    for term in [constant, *terms] if first else [*terms, constant]:
        total = np.clip(total + term, I16.minimum, I16.maximum)
    plain = terms.sum(axis=0) + bias
    differs = (np.clip(plain, I16.minimum, I16.maximum) != total).any(axis=(0, 1, 2))
    assert differs.any()
    assert not differs.all()
    graph = convolution(op, x.shape, weights, total.shape, bias)
    seen: dict[str, Array] = {}
    run(graph, {"x": x}, seen.__setitem__)
    np.testing.assert_array_equal(seen["acc"], total)
    np.testing.assert_array_equal(Program(graph).run({"x": x})["y"], seen["y"])


@pytest.mark.parametrize(
    ("order", "bias", "unproved"),
    [
        # Sums of x * 100 - x * 100 for x in 0..255: up to 25500 on the way.
        (AccumulationOrder.BIAS_FIRST, 32767 - 25500, []),
        (AccumulationOrder.BIAS_FIRST, 32767 - 25500 + 1, [0]),
        (AccumulationOrder.BIAS_LAST, 32767 - 25500 + 1, [0]),
        (AccumulationOrder.BIAS_FIRST, -32768 + 25500, []),
        (AccumulationOrder.BIAS_FIRST, -32768 + 25499, [0]),
    ],
)
def test_the_proof_is_tight(order: AccumulationOrder, bias: int, unproved: list[int]) -> None:
    accumulator = Accumulator(I16, Overflow.SATURATE_EACH_ADD, order)
    weights = np.array([[100], [-100]])
    found = unproved_channels(Interval(0, 255), 0, weights, np.array([bias]), accumulator)
    assert list(found) == unproved


def test_the_proof_minds_the_order_of_the_bias() -> None:
    weights, bias = np.array([[100], [100]]), np.array([-25500])
    unproved = [
        list(
            unproved_channels(
                Interval(0, 255),
                0,
                weights,
                bias,
                Accumulator(I16, Overflow.SATURATE_EACH_ADD, order),
            )
        )
        for order in (AccumulationOrder.BIAS_FIRST, AccumulationOrder.BIAS_LAST)
    ]
    assert unproved == [[], [0]]


@pytest.mark.parametrize("groups", [1, 6])
def test_transposed_convolution_scatters(groups: int) -> None:
    op = ConvTranspose2d(
        Accumulator(I32),
        strides=(2, 3),
        pads=(1, 0, 0, 2),
        dilations=(2, 1),
        groups=groups,
        input_zero_point=100,
    )
    x, weights = codes(2, 21, 19, 6), kernels(12, 3, 4, 6 // groups)
    full = np.zeros((2, 20 * 2 + 4 + 1, 18 * 3 + 4, 12), dtype=np.int64)
    for r, s, o in np.ndindex(3, 4, 12):
        depth = 6 // groups
        first = o // (12 // groups) * depth
        part = (x[..., first : first + depth].astype(np.int64) - 100) @ weights[o, r, s].astype(
            np.int64
        )
        full[:, 2 * r : 2 * r + 41 : 2, s : s + 55 : 3, o] += part
    expected = full[:, 1:, : full.shape[2] - 2]
    graph = convolution(op, x.shape, weights, expected.shape)
    seen: dict[str, Array] = {}
    run(graph, {"x": x}, seen.__setitem__)
    np.testing.assert_array_equal(seen["acc"], expected)
    np.testing.assert_array_equal(Program(graph).run({"x": x})["y"], seen["y"])
