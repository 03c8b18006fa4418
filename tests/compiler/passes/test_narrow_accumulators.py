# SPDX-License-Identifier: Apache-2.0
"""Accumulators become as narrow as the proof allows, and not a bit narrower."""

from hypothesis import given

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.passes.narrow_accumulators import narrow_accumulators
from tests.compiler.passes.equality import SETTINGS, assert_same_outputs, chains, rewritten
from tests.simulator.random_graphs import Case

SUMS = ["conv2d", "conv_transpose2d", "matmul", "reduce_sum"]


def test_a_sum_that_cannot_overflow_is_narrowed_and_wraps() -> None:
    found = rewritten(
        narrow_accumulators,
        """
        graph example fixed
        %x: i8[1,3] = input
        %w: i8[3,1] = constant [1, -2, 3]
        %sum: i32[1,1] = mat_mul(%x, %w)
            accumulator=accumulator(type=i32, overflow=saturate-each-add, order=bias-last)
        %y: i8[1,1] = cast(%sum) overflow=saturate
        return %y
        """,
    )
    # -128 * 4 - 127 * 2 = -766 and 127 * 4 + 128 * 2 = 764: eleven bits.
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i8[1,3] = input
        %w: i8[3,1] = constant [1, -2, 3]
        %sum: i11[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i11)
        %y: i8[1,1] = cast(%sum) overflow=saturate
        return %y
        """)
    )


def test_what_the_operand_can_hold_counts_not_its_type() -> None:
    found = rewritten(
        narrow_accumulators,
        """
        graph example fixed
        %x: i8[1,3] = input
        %relu: i8[1,3] = clamp(%x) low=[0] high=[127]
        %sum: u32[1] = reduce_sum(%relu) accumulator=accumulator(type=u32) axes=[1]
            keep_dimensions=false
        %y: u4[1] = cast(%sum) overflow=wrap
        return %y
        """,
    )
    assert "%sum: u9[1] = reduce_sum(%relu) accumulator=accumulator(type=u9)" in found


def test_a_sum_that_can_overflow_on_its_way_is_left() -> None:
    text = """
        graph example fixed
        %x: u8[1,1] = input
        %w: i8[1,1] = constant [1]
        %b: i9[1] = constant [-128]
        %sum: {type}[1,1] = mat_mul(%x, %w, %b)
            accumulator=accumulator(type={type}, overflow=saturate-each-add, order=bias-last)
        %y: i4[1,1] = cast(%sum) overflow=wrap
        return %y
    """
    # Every final sum fits i8, but 255 - 128 passes through 255.
    overflowing = text.format(type="i8")
    assert rewritten(narrow_accumulators, overflowing) == print_graph(parse_graph(overflowing))
    assert "accumulator(type=i9)\n" in rewritten(narrow_accumulators, text.format(type="i12"))


def test_the_type_stays_where_a_reader_or_the_interface_needs_it() -> None:
    found = rewritten(
        narrow_accumulators,
        """
        graph example fixed
        %x: i4[1,1] = input
        %w: i8[1,1] = constant [1]
        %table: i8[64] = constant [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,
            25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,
            54,55,56,57,58,59,60,61,62,63]
        %a: i6[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i6, overflow=saturate)
        %b: i6[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i6, overflow=saturate)
        %looked_up: i8[1,1] = lookup(%a, %table)
        return %looked_up, %b
        """,
    )
    assert "%a: i6[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i6)\n" in found
    assert "%b: i6[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i6)\n" in found


@SETTINGS
@given(case=chains([*SUMS, "requantize", "clamp", "cast", "lookup", "exact_pair"]))
def test_random_sums_keep_their_values(case: Case) -> None:
    assert_same_outputs(case.graph, narrow_accumulators(case.graph), case.inputs)
