# SPDX-License-Identifier: Apache-2.0
"""Rules are left out where they change nothing, and only there."""

import pytest

from intaglio.compiler.analysis.accumulators import ChannelRange
from intaglio.compiler.analysis.settled_accumulators import settled
from intaglio.numerics.accumulator import (
    Accumulator,
    Overflow,
    PartialSums,
    ProductTruncation,
    Reduction,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

EACH, TRAP, WRAP = Overflow.SATURATE_EACH_ADD, Overflow.TRAP, Overflow.WRAP
I8, I5 = IntType(8, signed=True), IntType(5, signed=True)
ZERO = Interval(0, 0)


def bounds(low: int, high: int, tile: Interval = ZERO) -> ChannelRange:
    return ChannelRange(Interval(low, high), Interval(low, high), tile)


@pytest.mark.parametrize("rule", Overflow)
@pytest.mark.parametrize(
    ("low", "high", "held"), [(-128, 127, True), (-129, 0, False), (0, 128, False)]
)
def test_a_register_that_holds_all_wraps(rule: Overflow, low: int, high: int, held: bool) -> None:
    found = settled(Accumulator(I8, rule), bounds(low, high))
    assert found.overflow is (WRAP if held else rule)


@pytest.mark.parametrize("rule", Overflow)
@pytest.mark.parametrize("high", [15, 16])
def test_registers_that_hold_all_are_none(rule: Overflow, high: int) -> None:
    registers = PartialSums(3, I5, rule, Reduction.TREE)
    found = settled(Accumulator(I8, WRAP, partial_sums=registers), bounds(0, 99, Interval(0, high)))
    assert found.partial_sums == (None if high == 15 else registers)


def test_where_each_addition_is_held_tiles_remain() -> None:
    registers = PartialSums(3, I5, TRAP, Reduction.TREE)
    found = settled(Accumulator(I8, EACH, partial_sums=registers), bounds(0, 128, Interval(0, 15)))
    assert found.overflow is EACH
    assert found.partial_sums == PartialSums(3, I5, WRAP, Reduction.CHAIN)


def test_what_is_dropped_of_products_remains() -> None:
    truncation = ProductTruncation(3)
    found = settled(Accumulator(I8, TRAP, truncation=truncation), bounds(0, 1))
    assert found == Accumulator(I8, WRAP, truncation=truncation)
