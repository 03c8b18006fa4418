# SPDX-License-Identifier: Apache-2.0
"""Convolutions and products for Helium have the simulator's bits, whatever their shape."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, RationalMultiply, Shift
from tests.compiler.targets.tvm.mve.many import (
    AWAY,
    I8,
    I32,
    U8,
    UP,
    Plane,
    all_with,
    assert_exact,
    doubly,
    forms,
    many_planes,
    once,
)

pytestmark = pytest.mark.emulated

PLAIN = Plane()
POINTWISE = replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0))

SHAPES = [
    once(PLAIN),
    doubly(PLAIN),
    once(replace(PLAIN, batch=2, side=(4, 3))),
    once(replace(PLAIN, channels=3, outputs=8, side=(9, 7), strides=(2, 2), pads=(0, 0, 1, 1))),
    once(replace(PLAIN, channels=1, outputs=5, kernel=(10, 4), side=(12, 9), pads=(4, 1, 5, 1))),
    once(replace(PLAIN, channels=5, outputs=7, pads=(0, 2, 1, 0), kernel=(2, 4))),
    once(replace(PLAIN, channels=20, outputs=9, pads=(0, 0, 0, 0))),
    once(replace(PLAIN, channels=33, outputs=4, side=(3, 3))),
    once(replace(PLAIN, channels=2, dilations=(2, 3), pads=(2, 3, 2, 3))),
    once(replace(PLAIN, channels=24, outputs=3, dilations=(2, 1), pads=(2, 1, 2, 1))),
    once(replace(PLAIN, channels=1, outputs=1)),
    once(replace(PLAIN, channels=80, outputs=6, side=(3, 4))),
    once(replace(PLAIN, channels=64, outputs=8, side=(4, 4), strides=(2, 2), pads=(0, 0, 1, 1))),
    once(replace(PLAIN, channels=4, kernel=(1, 5), side=(1, 9), pads=(0, 2, 0, 2))),
    once(replace(PLAIN, channels=6, side=(70, 20), outputs=2)),
    once(replace(PLAIN, side=(1, 1), outputs=70)),
    once(POINTWISE),
    once(replace(POINTWISE, batch=2, side=(3, 5), channels=64, outputs=24)),
    once(replace(POINTWISE, channels=7, outputs=19)),
    doubly(replace(POINTWISE, channels=37, outputs=8)),
    once(replace(POINTWISE, channels=200, outputs=12, side=(1, 5))),
    once(replace(POINTWISE, channels=31, outputs=11, side=(1, 1))),
    once(replace(POINTWISE, channels=32, outputs=17, strides=(2, 2))),
    once(replace(POINTWISE, channels=8, strides=(2, 1), side=(5, 2))),
    once(replace(POINTWISE, channels=1, outputs=2, side=(1, 3))),
]

NUMBERS = [
    once(replace(PLAIN, x=U8, zero=131, pad_value=131)),
    once(replace(PLAIN, x=U8, zero=131, pad_value=7, channels=3)),
    once(replace(POINTWISE, x=U8, zero=0, y=U8), zero_point=9),
    doubly(replace(POINTWISE, x=U8, zero=255, channels=5, outputs=3, y=U8), zero_point=128),
    once(replace(PLAIN, w=U8, weight_zero=128)),
    once(PLAIN, zero_point=-7, clamp=(-7, 90)),
    once(PLAIN, zero_point=3, clamp=(-128, 90)),
    once(replace(PLAIN, outputs=6), zero_point=100, clamp=(-20, 127)),
    once(replace(PLAIN, y=U8), zero_point=0, clamp=(0, 200)),
    doubly(PLAIN, Rounding.HALF_TOWARD_POSITIVE),
    doubly(PLAIN, Rounding.FLOOR),
    doubly(PLAIN, zero_point=-128),
    doubly(replace(PLAIN, outputs=4), zero_point=-5),
    all_with(replace(PLAIN, channels=1), DoubleRounding(1 << 30, 0, Rounding.HALF_AWAY_FROM_ZERO)),
    all_with(replace(PLAIN, channels=1), DoubleRounding(1 << 30, 1, UP)),
    all_with(replace(PLAIN, channels=1), DoubleRounding(-(1 << 31), -9, UP)),
    # Many sums lie halfway.
    all_with(replace(POINTWISE, channels=1), DoubleRounding(1 << 30, -5, AWAY)),
    all_with(replace(POINTWISE, channels=1), MultiplyShift(1 << 27, 33, UP)),
    all_with(PLAIN, MultiplyShift(3, 12, UP)),
    all_with(PLAIN, MultiplyShift(1 << 20, 32, UP)),
    all_with(PLAIN, MultiplyShift(-(1 << 31), 43, UP), 5),
    all_with(PLAIN, MultiplyShift((1 << 31) - 1, 63, UP)),
    all_with(PLAIN, MultiplyShift(3, 12, Rounding.HALF_EVEN)),
    all_with(PLAIN, MultiplyShift(1 << 40, 53, UP)),
    all_with(replace(PLAIN, outputs=3), Shift(11, Rounding.TOWARD_ZERO)),
    all_with(replace(PLAIN, outputs=9), RationalMultiply(1, 3000, Rounding.HALF_EVEN)),
    PLAIN,
    replace(PLAIN, outputs=2),
    once(replace(PLAIN, accumulator=Accumulator(IntType(9, signed=True)))),
    once(replace(PLAIN, accumulator=Accumulator(IntType(12, signed=True), Overflow.SATURATE))),
    once(
        replace(
            PLAIN, accumulator=Accumulator(IntType(16, signed=True), Overflow.SATURATE_EACH_ADD)
        )
    ),
]


def test_every_shape_is_exact() -> None:
    graph = many_planes(SHAPES)
    assert set(forms(graph)) == {"mve conv"}
    assert_exact(graph)


def test_every_arithmetic_is_exact() -> None:
    graph = many_planes(NUMBERS)
    # One sum saturates again and again, which no vector does.
    assert forms(graph).count("mve conv") == len(NUMBERS) - 1
    assert_exact(graph)


def test_products_with_matrices_are_exact() -> None:
    builder = Builder("products", Level.FIXED)
    outputs: list[str] = []
    for rows, depth, width in [(1, 64, 10), (3, 640, 5), (2, 8, 128), (7, 130, 1), (5, 16, 33)]:
        rng = np.random.default_rng(depth)
        matrix = rng.integers(-128, 127, (depth, width), endpoint=True)
        operands = [
            builder.input("a", TensorType(I8, (rows, depth))),
            builder.constant("b", TensorType(I8, matrix.shape), matrix),
            builder.constant(
                "c", TensorType(I32, (width,)), rng.integers(-(1 << 14), 1 << 14, width)
            ),
        ]
        op = fixed.MatMul(Accumulator(I32), left_zero_point=5, right_zero_points=(1,))
        sums = builder.node("sums", TensorType(I32, (rows, width)), op, operands)
        scaled = once(replace(POINTWISE, channels=depth, outputs=width), -9).requantizers
        requantize = fixed.Requantize(scaled)
        outputs.append(builder.node("y", TensorType(I8, (rows, width)), requantize, [sums]))
    graph = builder.finish(outputs)
    # A weight of -128 less a zero point of 1 has nine bits.
    assert set(forms(graph)) <= {"mve matrix product", "portable"}
    assert_exact(graph)
