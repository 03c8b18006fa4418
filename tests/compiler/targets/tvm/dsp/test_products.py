# SPDX-License-Identifier: Apache-2.0
"""Convolutions and products with the DSP extension have the simulator's bits."""

from collections.abc import Sequence

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding
from tests.compiler.targets.tvm.dsp.many import (
    I8,
    I32,
    U8,
    Many,
    by_channel,
    codes,
    convolve,
    doubled,
    forms,
    requantize,
    single,
    with_ties,
)
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

pytestmark = pytest.mark.emulated

Followers = Sequence[tuple[fixed.Op, IntType]]


def convolutions() -> Many:
    many = Many()
    rng = np.random.default_rng(5)
    # Three channels, which no word holds; padding of several kinds, strides, one output alone.
    convolve(
        many, (1, 7, 5, 3), (5, 3, 3), codes(5), strides=(2, 1), pads=(0, 1, 2, 1), pad_value=9
    )
    convolve(many, (2, 1, 1, 3), (2, 3, 3), codes(2), pads=(1, 1, 1, 1), pad_value=-128)
    convolve(many, (1, 4, 3, 5), (1, 2, 3), codes(1), dilations=(1, 2), pads=(0, 4, 1, 3))
    # Words of channels, clipped on all sides, beyond which windows lie whole.
    convolve(many, (1, 5, 6, 8), (9, 3, 3), codes(9), pads=(1, 1, 1, 1), input_zero_point=-7)
    convolve(
        many, (2, 3, 2, 4), (6, 3, 2), codes(6), pads=(3, 2, 3, 4), pad_value=77, strides=(1, 3)
    )
    convolve(many, (1, 6, 6, 4), (3, 3, 3), codes(3), dilations=(2, 3), pads=(2, 3, 2, 3))
    convolve(many, (1, 5, 5, 16), (8, 1, 1), codes(8), strides=(2, 2))
    # Single pixels: whole tiles, a rest of each size, bytes that fill no word.
    for rows in (1, 2, 3, 5):
        convolve(many, (1, rows, 1, 12), (7, 1, 1), codes(7))
    convolve(many, (3, 2, 3, 7), (4, 1, 1), codes(4))
    # Unsigned codes, also with padding and a zero point.
    convolve(many, (1, 4, 4, 4), (5, 3, 3), codes(5), U8, pads=(1, 1, 1, 1), pad_value=200)
    convolve(many, (1, 2, 3, 6), (4, 2, 2), codes(4), U8, pads=(1, 0, 1, 1), input_zero_point=131)
    # Two roundings, of three kinds; some shift by nothing, or to the left.
    scalings = doubled(by_channel(rng, 6, 37, 41))
    for ties in (Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_TOWARD_POSITIVE, Rounding.FLOOR):
        follower = requantize(with_ties(scalings, ties), -20)
        convolve(many, (1, 2, 3, 8), (6, 1, 1), [(follower, I8)])
    small = np.ones((4, 1, 1, 4), dtype=np.int64)
    for shift in (29, 31, 32):
        follower = requantize(doubled(by_channel(rng, 4, shift, shift)), 1)
        convolve(many, (1, 2, 3, 4), (4, 1, 1), [(follower, I8)], weights=small)
    mixed = requantize(doubled(by_channel(rng, 4, 30, 33)))
    convolve(many, (1, 2, 3, 4), (4, 1, 1), [(mixed, I8)], weights=small)
    # Clamps of other ends, large zero points, unsigned results, several followers.
    clamped = requantize(by_channel(rng, 5, 39, 41), -3, -100, 31)
    convolve(many, (1, 3, 3, 4), (5, 1, 1), [(clamped, I8)])
    convolve(many, (1, 3, 3, 4), (5, 1, 1), [(requantize([single(1 << 30, 38)], 128, 0, 255), U8)])
    per_channel = fixed.Clamp((-5, -6, -7), (90, 91, 92))
    convolve(many, (1, 3, 3, 4), (3, 1, 1), [*codes(3), (per_channel, I8)])
    convolve(
        many,
        (1, 3, 3, 4),
        (3, 1, 1),
        [(requantize([single(1 << 30, 39)], 0, -7, 9), IntType(5, True))],
    )
    # Extreme scales: small multipliers, no shift worth the name, shifts of everything.
    for scaling in (
        single(3, 9),
        single(1, 4),
        single(-(1 << 30), 38),
        single(1 << 30, 62),
        single(5, 0),
    ):
        convolve(many, (1, 2, 3, 4), (4, 1, 1), [(requantize([scaling], 2), I8)])
    # Sums as they are, in other words, and where they don't fit.
    convolve(many, (1, 2, 3, 8), (4, 1, 1), [])
    for overflow in (Overflow.WRAP, Overflow.SATURATE, Overflow.SATURATE_EACH_ADD):
        narrow = Accumulator(IntType(14, True), overflow)
        convolve(many, (1, 2, 3, 8), (4, 1, 1), codes(4, 38), accumulator=narrow)
    # Channels that are dead keep others neither from the short form nor from their codes.
    scales = by_channel(rng, 6, 39, 41)
    for dead in ({1: 1 << 30}, {0: -(1 << 30), 4: (1 << 31) - 1}):
        few = [single(s.multiplier, 62) if c in dead else s for c, s in enumerate(scales)]
        bias = [dead.get(c, 55) for c in range(6)]
        convolve(many, (1, 2, 3, 8), (6, 1, 1), [(requantize(few, -9), I8)], bias=bias)
        convolve(many, (1, 5, 1, 8), (6, 1, 1), [(requantize(doubled(few)), I8)], bias=bias)
    every, none = [1 << 30] * 6, single(1 << 30, 62)
    convolve(many, (1, 2, 3, 8), (6, 1, 1), [(requantize([none] * 6), I8)], bias=every)
    # Weights whose bytes can't be joined, and sums that are too large for it.
    least = np.full((4, 1, 1, 8), -128)
    convolve(many, (1, 2, 3, 8), (4, 1, 1), codes(4), weights=least)
    convolve(
        many,
        (1, 2, 2, 5),
        (4, 2, 2),
        codes(4),
        U8,
        weights=np.full((4, 2, 2, 5), -128),
        pads=(1, 1, 0, 0),
    )
    convolve(many, (1, 1, 5, 640), (5, 1, 1), codes(5, 45), weights=np.full((5, 1, 1, 640), 127))
    convolve(
        many,
        (1, 5, 1, 640),
        (5, 1, 1),
        [(requantize(doubled(by_channel(rng, 5, 44, 45))), I8)],
        weights=np.full((5, 1, 1, 640), -127),
    )
    return many


def matrices() -> Many:
    many = Many()
    for rows, depth, width in (
        (1, 64, 10),
        (1, 7, 3),
        (4, 8, 4),
        (6, 10, 5),
        (3, 1, 1),
        (9, 33, 2),
    ):
        rng = np.random.default_rng(depth)
        op = fixed.MatMul(Accumulator(I32), left_zero_point=4, right_zero_points=(1,))
        operands = [
            many.given(I8, (rows, depth)),
            many.constant(I8, rng.integers(-120, 120, (depth, width))),
        ]
        many.followed(many.node(op, I32, (rows, width), operands), codes(width, 40))
    return many


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m33"])
def test_convolutions_give_the_simulators_bits(target: str) -> None:
    graph = convolutions().graph()
    found = forms(graph, target)
    # The sum that saturates at each of its additions.
    assert (found.count("portable"), set(found)) == (1, {"arm-dsp convolution", "portable"})
    assert_device_agrees(graph, target, random_samples(graph, 6))


def test_products_give_the_simulators_bits() -> None:
    graph = matrices().graph()
    assert set(forms(graph, "cortex-m7")) == {"arm-dsp matrix product"}
    assert_device_agrees(graph, "cortex-m7", random_samples(graph, 6))
