# SPDX-License-Identifier: Apache-2.0
"""Sums of two tensors with the DSP extension have the simulator's bits."""

from collections.abc import Sequence

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import PairArithmetic, RescaledSum, SharedShiftSum
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from tests.compiler.targets.tvm.dsp.many import I8, U8, Many, double, forms, single
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

pytestmark = pytest.mark.emulated

UP = Rounding.HALF_TOWARD_POSITIVE


def add(
    many: Many,
    arithmetic: PairArithmetic,
    shape: Sequence[int] = (1, 5, 41),
    types: tuple[IntType, IntType, IntType] = (I8, I8, I8),
) -> None:
    operands = [many.given(type, shape) for type in types[:2]]
    many.outputs.append(many.node(fixed.Pairwise(arithmetic), types[2], shape, operands))


def rescaled(low: int = -128, high: int = 127, subtract: bool = False) -> RescaledSum:
    output = Requantizer(double(1098017566, -17), -7, low, high)
    return RescaledSum(-128, 4, 20, double(1623821475, -2), double(1 << 30, 0), output, subtract)


def sums() -> Many:
    many = Many()
    # Shifts below a word, of a word and beyond; counts that fours divide, and others.
    add(many, SharedShiftSum(415133429, 1098017566, 48745008648, 29, UP, -128, -128, 127))
    for count in (1, 2, 3, 4, 7):
        add(many, SharedShiftSum(-415133429, 1098017566, 99, 31, UP, 9, -128, 127), (count,))
    add(many, SharedShiftSum(1835721671, -1623821475, 1 << 31, 32, UP, 3, -100, 90))
    add(many, SharedShiftSum(1835721671, 1623821475, -(1 << 40), 33, UP, 3, -128, 127))
    add(many, SharedShiftSum(3, 2, 1, 1, UP, 0, -128, 127))
    add(many, SharedShiftSum(1 << 20, 1 << 20, 0, 21, UP, 0, 0, 255), types=(U8, U8, U8))
    add(many, SharedShiftSum(1 << 20, 3 << 18, 5, 21, UP, 10, -128, 127), types=(U8, I8, I8))
    # Tables of what each operand becomes.
    add(many, rescaled())
    add(many, rescaled(-100, 17, subtract=True), (1, 3, 3))
    add(many, rescaled(0, 255), types=(I8, U8, U8))
    plain = Requantizer(single(1 << 30, 44), 5, -128, 127)
    add(many, RescaledSum(3, 4, 12, single(1 << 30, 30), single(1200000000, 31), plain))
    return many


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7"])
def test_sums_give_the_simulators_bits(target: str) -> None:
    graph = sums().graph()
    assert set(forms(graph, target)) == {"arm-dsp sum"}
    assert_device_agrees(graph, target, random_samples(graph, 8))


def test_other_roundings_and_shapes_are_left_to_the_portable_form() -> None:
    many = Many()
    add(many, SharedShiftSum(3, 2, 1, 1, Rounding.HALF_EVEN, 0, -128, 127), (1, 7))
    arithmetic = SharedShiftSum(3, 2, 1, 3, UP, 0, -128, 127)
    operands = [many.given(I8, (2, 3, 4)), many.given(I8, (1, 4))]
    many.outputs.append(many.node(fixed.Pairwise(arithmetic), I8, (2, 3, 4), operands))
    graph = many.graph()
    assert set(forms(graph, "cortex-m4")) == {"portable"}
    assert_device_agrees(graph, "cortex-m4", random_samples(graph, 3))


def test_a_sum_in_the_place_of_an_operand_gives_the_simulators_bits() -> None:
    many = Many()
    x, y = many.given(I8, (1, 50)), many.given(I8, (1, 50))
    table = many.constant(I8, np.arange(256)[::-1] - 128)
    looked = many.node(fixed.Lookup(), I8, (1, 50), [x, table])
    arithmetic = SharedShiftSum(415133429, 1098017566, 0, 30, UP, 1, -128, 127)
    total = many.node(fixed.Pairwise(arithmetic), I8, (1, 50), [looked, y])
    again = many.node(fixed.Pairwise(rescaled()), I8, (1, 50), [x, total])
    many.outputs.append(many.node(fixed.Pairwise(arithmetic), I8, (1, 50), [again, x]))
    graph = many.graph()
    assert_device_agrees(graph, "cortex-m4", random_samples(graph, 4))
