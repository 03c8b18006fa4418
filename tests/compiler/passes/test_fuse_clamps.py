# SPDX-License-Identifier: Apache-2.0
"""Clamps join what is before them; what clamps nothing goes."""

import pytest
from hypothesis import given

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.passes.fuse_clamps import fuse_clamps
from tests.compiler.passes.equality import SETTINGS, assert_same_outputs, chains, rewritten
from tests.simulator.random_graphs import Case


def test_a_clamp_by_channel_makes_a_requantizer_for_each() -> None:
    found = rewritten(
        fuse_clamps,
        """
        graph example fixed
        %x: i16[1,2] = input
        %conv: i8[1,2] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=4, rounding=floor), zero_point=3,
                                      low=-128, high=127)] from "conv"
        %relu: i8[1,2] = clamp(%conv) low=[3, 3] high=[50, 127] from "relu6"
        return %relu
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i16[1,2] = input
        %relu: i8[1,2] = requantize(%x)
            requantizers=2 * requantizer(scaling=shift(shift=4, rounding=floor), zero_point=3,
                                         low=3, high={50, 127}) from "relu6"
        return %relu
        """)
    )


def test_two_clamps_are_one_even_if_they_are_disjoint() -> None:
    found = rewritten(
        fuse_clamps,
        """
        graph example fixed
        %x: i16[2] = input
        %first: i16[2] = clamp(%x) low=[-300, 200] high=[100, 300]
        %second: i8[2] = cast(%first) overflow=saturate
        %third: i8[2] = clamp(%second) low=[-100] high=[120]
        return %third
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i16[2] = input
        %third: i8[2] = clamp(%x) low=[-100, 120] high=[100, 120]
        return %third
        """)
    )


def test_a_table_is_clamped_entry_by_entry() -> None:
    found = rewritten(
        fuse_clamps,
        """
        graph example fixed
        %x: u2[1,2] = input
        %table: i8[4] = constant [-100, -1, 1, 100]
        %y: i8[1,2] = lookup(%x, %table)
        %clamped: i4[1,2] = clamp(%y) low=[-8, 0] high=[7, 5]
        %also: i8[1,2] = lookup(%x, %table)
        return %clamped, %also
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: u2[1,2] = input
        %table: i8[4] = constant [-100, -1, 1, 100]
        %table_2: i4[2,4] = constant [-8, -1, 1, 7, 0, 0, 1, 5] from "table"
        %clamped: i4[1,2] = lookup(%x, %table_2)
        %also: i8[1,2] = lookup(%x, %table)
        return %clamped, %also
        """)
    )


def test_pairs_and_pools_take_one_pair_of_bounds() -> None:
    found = rewritten(
        fuse_clamps,
        """
        graph example fixed
        %a: i8[1,1,1,2] = input
        %pool: i8[1,1,1,2] = average_pool2d(%a) arithmetic=requantized_sum(input_zero_point=0,
            by_count=[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=-128,
                                  high=127)]) kernel=[1, 1]
        %low: i8[1,1,1,2] = clamp(%pool) low=[-7] high=[7]
        %sum: i8[1,1,1,2] = pairwise(%low, %a) arithmetic=shared_shift_sum(left_multiplier=1,
            right_multiplier=1, bias=0, shift=1, rounding=half-even, zero_point=0, low=-128,
            high=127)
        %y: i8[1,1,1,2] = clamp(%sum) low=[0] high=[50]
        %by_channel: i8[1,1,1,2] = pairwise(%low, %y) arithmetic=rescaled_sum(left_zero_point=0,
            right_zero_point=0, left_shift=0, left=shift(shift=1, rounding=floor),
            right=shift(shift=1, rounding=floor), output=requantizer(scaling=shift(shift=1,
            rounding=floor), zero_point=0, low=-128, high=127))
        %z: i8[1,1,1,2] = clamp(%by_channel) low=[0, 1] high=[2, 3]
        return %y, %z
        """,
    )
    assert "%pool" not in found
    assert "%low: i8[1,1,1,2] = average_pool2d(%a)" in found
    assert "%sum" not in found
    assert "low=0, high=50" in found
    assert "%z: i8[1,1,1,2] = clamp(%by_channel) low=[0, 1] high=[2, 3]" in found


def test_a_clamp_that_changes_nothing_goes() -> None:
    found = rewritten(
        fuse_clamps,
        """
        graph example fixed
        %x: u8[2] = input
        %relu: u8[2] = clamp(%x) low=[0, 0] high=[200, 255]
        %same: u8[2] = clamp(%relu) low=[0] high=[255]
        %cast: u8[2] = cast(%same) overflow=saturate
        %y: u9[2] = add(%same, %cast)
        return %y, %relu
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: u8[2] = input
        %relu: u8[2] = clamp(%x) low=[0, 0] high=[200, 255]
        %y: u9[2] = add(%relu, %relu)
        return %y, %relu
        """)
    )


@pytest.mark.parametrize("also", ["%y", "%again"])
def test_a_value_that_others_read_stays_unclamped(also: str) -> None:
    text = f"""
        graph example fixed
        %x: i8[2] = input
        %y: i8[2] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0,
                                      low=-128, high=127)]
        %low: i8[2] = clamp(%y) low=[0] high=[9]
        %again: i8[2] = clamp(%y) low=[1] high=[9]
        return %low, {also}
    """
    assert rewritten(fuse_clamps, text).count("requantize(") == 1
    assert "clamp(%y) low=[0] high=[9]" in rewritten(fuse_clamps, text)


CLAMPING = ["requantize", "lookup", "pairwise", "clamp", "clamp", "cast", "average_pool2d"]


@SETTINGS
@given(case=chains(CLAMPING, most_steps=7))
def test_random_clamps_keep_their_values(case: Case) -> None:
    assert_same_outputs(case.graph, fuse_clamps(case.graph), case.inputs)
