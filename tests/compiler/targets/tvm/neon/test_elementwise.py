# SPDX-License-Identifier: Apache-2.0
"""Sums of two tensors, other elementwise ops and pools give the simulator's bits."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.ir.fixed import (
    AveragePool2d,
    Clamp,
    MaxPool2d,
    Pairwise,
    Requantize,
    RequantizedSum,
)
from intaglio.compiler.ir.infer import result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.kernels.neon.sums import linear_sum
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import PairArithmetic, RescaledSum, SharedShiftSum
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, RationalMultiply
from tests.compiler.targets.tvm.neon.graphs import I8, NEON_TARGETS, U8, Layers, extreme_samples
from tests.simulator.emulated.devices import assert_device_agrees

UP, AWAY = Rounding.HALF_TOWARD_POSITIVE, Rounding.HALF_AWAY_FROM_ZERO


def shared(zeros: tuple[int, int], zero_point: int, low: int, high: int) -> SharedShiftSum:
    factors = 708607646, 1835721671
    bias = -factors[0] * zeros[0] - factors[1] * zeros[1]
    return SharedShiftSum(*factors, bias, 30, UP, zero_point, low, high)


def rescaled(
    zeros: tuple[int, int], zero_point: int, subtract: bool = False, ties: Rounding = AWAY
) -> RescaledSum:
    left, right, last = (
        DoubleRounding(m, s, ties) for m, s in ((1657902019, -2), (1 << 30, 0), (1835721671, -18))
    )
    output = Requantizer(last, zero_point, -128, 127)
    return RescaledSum(*zeros, 20, left, right, output, subtract)


SUMS: dict[str, tuple[PairArithmetic, IntType, IntType]] = {
    "rectified": (shared((38, -2), -128, -128, 127), I8, I8),
    "plain": (shared((-128, 4), 7, -128, 127), I8, I8),
    "centred": (shared((0, 0), 0, -100, 99), I8, I8),
    "unsigned": (shared((3, 131), 0, 0, 200), U8, U8),
    "unsigned_plain": (shared((128, 255), 61, 0, 255), U8, U8),
    "mixed": (shared((250, -100), 12, -128, 127), U8, I8),
    "odd_bias": (replace(shared((38, -2), -5, -128, 127), bias=-23255647205), I8, I8),
    "double": (rescaled((38, -2), 4), I8, I8),
    "double_rectified": (rescaled((-17, 4), -128), I8, I8),
    "difference": (rescaled((38, -2), 4, subtract=True), I8, I8),
    "double_up": (rescaled((1, 0), 4, ties=UP), I8, I8),
}
WIDE = replace(shared((0, 0), 0, -128, 127), left_multiplier=1 << 36)
EVEN = replace(shared((0, 0), 0, -128, 127), rounding=Rounding.HALF_EVEN)


@pytest.mark.parametrize("name", SUMS)
def test_a_linear_sum_is_the_arithmetic_within_32_bits(name: str) -> None:
    arithmetic, left, right = SUMS[name]
    found = linear_sum(arithmetic, left, right)
    assert found is not None
    first = np.arange(left.minimum, left.maximum + 1)[:, None]
    second = np.arange(right.minimum, right.maximum + 1)[None]
    assert np.abs(found.total(first, second)).max() < 1 << 31
    codes = found.apply(first, second)
    rng = np.random.default_rng(1)
    places = [(0, 0), (0, 255), (255, 0), (255, 255), *rng.integers(0, 256, (4000, 2)).tolist()]
    for one, two in places:
        expected = arithmetic.apply(int(first[one, 0]), int(second[0, two]))
        assert codes[one, two] == expected


@pytest.mark.parametrize("arithmetic", [WIDE, EVEN])
def test_no_linear_sum_serves_these(arithmetic: PairArithmetic) -> None:
    assert linear_sum(arithmetic, I8, I8) is None


def pairs(layers: Layers) -> None:
    sizes = ((1, 3, 7, 5), (64,), (16,), (7,), (2, 80))
    cases = [*SUMS.values(), (WIDE, I8, I8), (EVEN, I8, I8)]
    for number, (arithmetic, left, right) in enumerate(cases):
        for shape in (sizes[number % len(sizes)], sizes[(number + 2) % len(sizes)]):
            operands = [
                layers.builder.input("x", TensorType(element, shape)) for element in (left, right)
            ]
            code = U8 if left == right == U8 else I8
            named = TensorType(code, shape)
            layers.keep(layers.builder.node("y", named, Pairwise(arithmetic), operands))


def in_place(layers: Layers) -> None:
    """A sum of computed tensors that nothing reads again, followed and not."""
    half = Requantize((Requantizer(MultiplyShift(3, 2, UP), 1, -128, 127),))
    clamp = Clamp((-20,), (90,))
    for shape in ((1, 64), (5, 21)):
        type = TensorType(I8, shape)
        inputs = [layers.builder.input("x", type) for _ in range(2)]
        halves = [layers.builder.node("half", type, half, [name]) for name in inputs]
        both = [layers.builder.node("low", type, clamp, [name]) for name in halves]
        op = Pairwise(SUMS["plain"][0])
        total = layers.builder.node("sum", type, op, both)
        again = layers.builder.node("again", type, op, [total, inputs[0]])
        layers.keep(layers.builder.node("y", type, clamp, [again]))


def pools(layers: Layers) -> None:
    builder = layers.builder

    def pooled(element: IntType, side: tuple[int, int], channels: int, op: object) -> str:
        x = builder.input("x", TensorType(element, (2, *side, channels)))
        assert isinstance(op, MaxPool2d | AveragePool2d)
        shape = result_shape(op, (builder.type_of(x),), ())
        return builder.node("y", TensorType(element, shape), op, [x])

    def average(element: IntType, count: int, exact: bool) -> RequantizedSum:
        ends = element.minimum, element.maximum
        scalings = [
            RationalMultiply(1, n, AWAY) if exact else MultiplyShift(((1 << 36) // n) >> 5, 31, UP)
            for n in range(1, count + 1)
        ]
        zero = 0 if exact else element.minimum + 5
        found = tuple(Requantizer(scaling, zero, *ends) for scaling in scalings)
        return RequantizedSum(zero, found)

    for element, channels in ((I8, 21), (U8, 8), (I8, 5), (U8, 40)):
        layers.keep(pooled(element, (7, 6), channels, MaxPool2d((2, 2), (2, 2))))
        padded = MaxPool2d((3, 3), (2, 1), (1, 1, 1, 1), (1, 2))
        layers.keep(pooled(element, (7, 6), channels, padded))
        for exact in (False, True):
            whole = AveragePool2d(average(element, 42, exact), (7, 6))
            layers.keep(pooled(element, (7, 6), channels, whole))
            wide = AveragePool2d(average(element, 34, exact), (2, 17), (1, 1))
            layers.keep(pooled(element, (3, 20), channels, wide))
            many = AveragePool2d(average(element, 300, exact), (15, 20))
            layers.keep(pooled(element, (15, 20), channels, many))
        bordered = AveragePool2d(average(element, 9, False), (3, 3), (1, 1), (1, 1, 1, 1))
        layers.keep(pooled(element, (4, 5), channels, bordered))
        counted = replace(bordered, count_padding=True)
        layers.keep(pooled(element, (4, 5), channels, counted))
    x = builder.input("x", TensorType(I8, (1, 6, 6, 24)))
    sums = builder.node("most", TensorType(I8, (1, 3, 3, 24)), MaxPool2d((2, 2), (2, 2)), [x])
    layers.requantized(sums, "tight")


@pytest.mark.emulated
@pytest.mark.parametrize("target", NEON_TARGETS[:1])
def test_elementwise_ops_and_pools_give_the_simulators_bits(target: str) -> None:
    layers = Layers()
    pairs(layers)
    in_place(layers)
    pools(layers)
    graph = layers.graph()
    assert_device_agrees(graph, target, extreme_samples(graph, 5))
