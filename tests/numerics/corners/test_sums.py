# SPDX-License-Identifier: Apache-2.0
"""Sums that are reached are reached exactly, and those that are called unreachable are."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.numerics.corners.sums import NotFound, Unreachable, reach
from intaglio.numerics.intervals import Interval


@settings(deadline=None)
@given(
    st.lists(st.integers(-9, 9), min_size=0, max_size=3),
    st.integers(-7, 7),
    st.integers(0, 6),
    st.integers(-80, 80),
)
def test_few_weights_are_decided(weights: list[int], low: int, width: int, target: int) -> None:
    operands = Interval(low, low + width)
    choices = product(range(low, low + width + 1), repeat=len(weights))
    sums = {sum(w * x for w, x in zip(weights, each, strict=True)) for each in choices}
    found = reach(weights, operands, target)
    if target in sums:
        assert isinstance(found, tuple)
        assert len(found) == len(weights)
        assert all(operands.contains(x) for x in found)
        assert sum(w * x for w, x in zip(weights, found, strict=True)) == target
    else:
        assert isinstance(found, Unreachable)


@pytest.mark.parametrize("count", [1, 9, 27, 288, 1001])
@pytest.mark.parametrize("common", [1, 2, 6])
def test_weights_of_a_layer_reach_any_sum(count: int, common: int) -> None:
    random = Random(count * common)
    weights = [common * random.randint(-127 // common, 127 // common) for _ in range(count)]
    operands = Interval(-128, 127)
    lowest = sum(min(w * operands.low, w * operands.high) for w in weights)
    highest = sum(max(w * operands.low, w * operands.high) for w in weights)
    for _ in range(40):
        target = random.randint(lowest // common, highest // common) * common
        found = reach(weights, operands, target)
        assert not isinstance(found, NotFound)
        if isinstance(found, tuple):
            assert all(operands.contains(x) for x in found)
            assert sum(w * x for w, x in zip(weights, found, strict=True)) == target
        else:
            # A few weights have gaps; many have none away from the ends.
            assert count <= 9
    for outside in (lowest - common, highest + common):
        assert isinstance(reach(weights, operands, outside), Unreachable)
    assert isinstance(reach(weights, operands, lowest), tuple)
    assert isinstance(reach(weights, operands, highest), tuple)


def test_a_residue_that_no_sum_has() -> None:
    found = reach((6, -4, 2) * 50, Interval(-128, 127), 3)
    assert isinstance(found, Unreachable)
    assert "modulo 2" in str(found)


def test_operands_of_16_bits() -> None:
    weights = (127, -113, 90, 64, -3, 2) * 4
    found = reach(weights, Interval(-32768, 32767), 12_345_677)
    assert isinstance(found, tuple)
    assert sum(w * x for w, x in zip(weights, found, strict=True)) == 12_345_677
