# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops by hand."""

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.errors import InvalidData
from intaglio.simulator import reference
from tests.simulator.text_cases import outcome


def test_a_requantizer_for_each_index_of_the_last_axis() -> None:
    # Halves: toward plus infinity in channel 0, away from zero with zero point 100 in channel 1.
    found = outcome(
        """
        %x: i32[3,2] = input
        %y: i8[3,2] = requantize(%x) requantizers=[
            requantizer(scaling=shift(shift=1, rounding=half-toward-positive),
                        zero_point=0, low=-128, high=127),
            requantizer(scaling=shift(shift=1, rounding=half-away-from-zero),
                        zero_point=100, low=-128, high=101)]
        """,
        x=[[-3, -3], [5, 5], [400, 1]],
    )
    assert found == [[-1, 98], [3, 101], [127, 101]]


def test_lookup_starts_at_the_lowest_code() -> None:
    found = outcome(
        """
        %x: i2[4] = input
        %t: i8[4] = constant [10, 20, 30, 40]
        %y: i8[4] = lookup(%x, %t)
        """,
        x=[-2, -1, 0, 1],
    )
    assert found == [10, 20, 30, 40]


def test_a_table_for_each_index_of_the_last_axis() -> None:
    found = outcome(
        """
        %x: u1[2,2] = input
        %t: i8[2,2] = constant [1, 2, 3, 4]
        %y: i8[2,2] = lookup(%x, %t)
        """,
        x=[[0, 0], [1, 1]],
    )
    assert found == [[1, 3], [2, 4]]


def test_operands_broadcast() -> None:
    found = outcome(
        """
        %a: i8[2,1] = input
        %b: i8[3] = input
        %y: i9[2,3] = subtract(%a, %b)
        """,
        a=[[127], [-128]],
        b=[-128, 0, 127],
    )
    assert found == [[255, 127, 0], [0, -128, -255]]


def test_products_of_the_widest_operands_are_exact() -> None:
    found = outcome(
        """
        %a: i32[2] = input
        %b: u31[2] = input
        %y: i64[2] = multiply(%a, %b) left_zero_point=2147483647
        """,
        a=[-(2**31), 2**31 - 1],
        b=[2**31 - 1, 2**31 - 1],
    )
    assert found == [-(2**32 - 1) * (2**31 - 1), 0]


@pytest.mark.parametrize(("op", "expected"), [("minimum", [-5, -1]), ("maximum", [3, 200])])
def test_extremes_of_operands_of_different_types(op: str, expected: list[int]) -> None:
    element = {"minimum": "i8", "maximum": "u8"}[op]
    found = outcome(
        f"""
        %a: i8[2] = input
        %b: u8[2] = input
        %y: {element}[2] = {op}(%a, %b)
        """,
        a=[-5, -1],
        b=[3, 200],
    )
    assert found == expected


def test_bounds_for_each_index_of_the_last_axis() -> None:
    found = outcome(
        """
        %x: i8[2,2] = input
        %y: i8[2,2] = clamp(%x) low=[0, -100] high=[6, -50]
        """,
        x=[[-9, -128], [9, 127]],
    )
    assert found == [[0, -100], [6, -50]]


@pytest.mark.parametrize(("overflow", "expected"), [("wrap", [2, -6, 7]), ("saturate", [7, -8, 7])])
def test_casts(overflow: str, expected: list[int]) -> None:
    found = outcome(
        f"""
        %x: i8[3] = input
        %y: i4[3] = cast(%x) overflow={overflow}
        """,
        x=[50, -54, 7],
    )
    assert found == expected


def test_a_pair_arithmetic() -> None:
    # (2 * 3 + 1 * 5 - 4) / 2 = 3.5 and (2 * 3 - 5 - 4) / 2 = -1.5, halves to even, plus 10.
    found = outcome(
        """
        %a: i8[2] = input
        %b: i8[2] = input
        %y: i8[2] = pairwise(%a, %b) arithmetic=shared_shift_sum(left_multiplier=2,
            right_multiplier=1, bias=-4, shift=1, rounding=half-even, zero_point=10,
            low=-128, high=127)
        """,
        a=[3, 3],
        b=[5, -5],
    )
    assert found == [14, 8]


def test_a_result_outside_its_type_names_the_value() -> None:
    unverified = parse_graph(
        """
        graph narrow fixed
        %x: i8[1] = input
        %y: i8[1] = add(%x, %x)
        return %y
        """
    )
    assert reference.run(unverified, {"x": np.array([63], np.int8)})["y"].tolist() == [126]
    with pytest.raises(InvalidData, match="value y: found the result 128"):
        reference.run(unverified, {"x": np.array([64], np.int8)})
