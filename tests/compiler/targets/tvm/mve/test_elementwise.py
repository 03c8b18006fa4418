# SPDX-License-Identifier: Apache-2.0
"""Sums and requantized codes for Helium have the simulator's bits, on every pair of codes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import RescaledSum, SharedShiftSum
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift
from tests.compiler.targets.tvm.mve.many import AWAY, I8, U8, UP, assert_exact, forms
from tests.simulator.emulated.devices import assert_device_agrees

pytestmark = pytest.mark.emulated

Sum = SharedShiftSum | RescaledSum

SHARED = SharedShiftSum(415133429, 1098017566, 48745008648, 29, UP, -128, -128, 127)
OUTPUT = Requantizer(DoubleRounding(1098017566, -17, AWAY), -128, -128, 127)
RESCALED = RescaledSum(
    -128,
    4,
    20,
    DoubleRounding(1623821475, -2, AWAY),
    DoubleRounding(1 << 30, 0, AWAY),
    OUTPUT,
)
ONCE = Requantizer(MultiplyShift(1098017566, 48, UP), 3, -100, 90)

SERVED: list[tuple[Sum, IntType, IntType, IntType]] = [
    (SHARED, I8, I8, I8),
    (replace(SHARED, rounding=Rounding.FLOOR, low=-100, high=90), U8, I8, I8),
    (replace(SHARED, left_multiplier=-415133429, zero_point=40, low=0, high=255), I8, U8, U8),
    (SharedShiftSum(1 << 20, -777777, 123456789, 21, UP, 3, -128, 127), I8, I8, I8),
    (SharedShiftSum(3, 2, 1, 0, UP, 0, -128, 127), U8, U8, I8),
    (SharedShiftSum(3, -2, 1, 2, Rounding.FLOOR, 100, 7, 250), U8, U8, U8),
    (RESCALED, I8, I8, I8),
    (replace(RESCALED, output=replace(OUTPUT, zero_point=5), subtract=True), I8, I8, I8),
    (replace(RESCALED, output=replace(OUTPUT, zero_point=128, low=0, high=255)), U8, I8, U8),
    (
        RescaledSum(
            9,
            -4,
            18,
            MultiplyShift(1623821475, 33, UP),
            MultiplyShift(1717986918, 35, UP),
            ONCE,
        ),
        I8,
        U8,
        I8,
    ),
]
"""A sum, and the types of its operands and its result."""

NOT_SERVED: list[tuple[Sum, IntType, IntType, IntType]] = [
    (replace(SHARED, rounding=Rounding.HALF_EVEN), I8, I8, I8),
    (replace(SHARED, left_multiplier=1 << 42, shift=41), I8, I8, I8),
    (replace(SHARED, left_multiplier=1 << 31, shift=15), I8, I8, I8),
    (
        replace(RESCALED, left=DoubleRounding(1623821475, -2, Rounding.FLOOR), left_shift=25),
        I8,
        I8,
        I8,
    ),
]


def many_sums(sums: Sequence[tuple[Sum, IntType, IntType, IntType]], size: int) -> Graph:
    """All of them, of inputs of their own."""
    builder = Builder("many", Level.FIXED)
    outputs: list[str] = []
    for arithmetic, left, right, to in sums:
        operands = [builder.input("x", TensorType(each, (size,))) for each in (left, right)]
        type = TensorType(to, (size,))
        outputs.append(builder.node("y", type, fixed.Pairwise(arithmetic), operands))
    return builder.finish(outputs)


def test_every_pair_of_codes_is_exact() -> None:
    graph = many_sums(SERVED[:1] + SERVED[6:7], 1 << 14)
    assert set(forms(graph)) == {"mve elementwise"}
    codes = np.arange(-128, 128)
    pairs = np.stack(np.meshgrid(codes, codes)).reshape(2, 4, -1).astype(np.int8)
    names = [given.name for given in graph.inputs]
    samples = [
        {name: pairs[n % 2, quarter] for n, name in enumerate(names)} for quarter in range(4)
    ]
    assert_device_agrees(graph, "cortex-m55", samples)


def test_every_arithmetic_is_exact() -> None:
    graph = many_sums(SERVED, 1023)
    assert set(forms(graph)) == {"mve elementwise"}
    assert_exact(graph)


def test_what_has_another_form_is_exact() -> None:
    graph = many_sums(NOT_SERVED, 65)
    assert set(forms(graph)) == {"portable"}
    assert_exact(graph)


@pytest.mark.parametrize("size", [4, 7, 64])
def test_a_result_may_take_the_place_of_an_operand(size: int) -> None:
    builder = Builder("chain", Level.FIXED)
    type, unsigned = TensorType(I8, (size,)), TensorType(U8, (size,))
    x, z = builder.input("x", type), builder.input("z", type)
    first = builder.node("first", type, fixed.Pairwise(SHARED), [x, z])
    wide = replace(RESCALED, output=replace(OUTPUT, zero_point=128, low=0, high=255))
    second = builder.node("second", unsigned, fixed.Pairwise(wide), [first, z])
    requantizer = Requantizer(MultiplyShift(1717986918, 31, UP), -100, -128, 127)
    requantize = fixed.Requantize((requantizer,))
    third = builder.node("third", type, requantize, [second])
    last = builder.node("last", type, fixed.Pairwise(SHARED), [third, third])
    assert_exact(builder.finish([last]))
