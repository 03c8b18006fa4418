# SPDX-License-Identifier: Apache-2.0
"""Zero points move into biases wherever that is exact, and nowhere else."""

import pytest
from hypothesis import given

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.passes.fold_zero_points import fold_zero_points
from tests.compiler.passes.equality import SETTINGS, assert_same_outputs, chains, rewritten
from tests.simulator.random_graphs import Case


def test_a_padded_convolution_keeps_the_code_in_its_padding() -> None:
    found = rewritten(
        fold_zero_points,
        """
        graph example fixed
        %x: u8[1,2,2,1] = input
        %w: i8[2,2,2,1] = constant [1, -2, 3, -4, 10, 20, 30, 40]
        %b: i32[2] = constant [7, -7]
        %y: i32[1,3,3,2] = conv2d(%x, %w, %b) accumulator=accumulator(type=i32) pads=[1, 1, 1, 1]
            input_zero_point=100 weight_zero_points=[0, 5] pad_value=100 from "conv"
        return %y as "Y"
        """,
    )
    # 7 - 100 (1 - 2 + 3 - 4) and -7 - 100 (100 - 4 * 5)
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: u8[1,2,2,1] = input
        %w: i8[2,2,2,1] = constant [1, -2, 3, -4, 10, 20, 30, 40]
        %b: i32[2] = constant [207, -8007]
        %y: i32[1,3,3,2] = conv2d(%x, %w, %b) accumulator=accumulator(type=i32) pads=[1, 1, 1, 1]
            weight_zero_points=[0, 5] pad_value=100 from "conv"
        return %y as "Y"
        """)
    )


def test_a_product_without_bias_gets_one_of_its_own() -> None:
    found = rewritten(
        fold_zero_points,
        """
        graph example fixed
        %x: i8[3,2] = input
        %w: i8[2,2] = constant [1, 2, 3, 4]
        %y: i16[3,2] = mat_mul(%x, %w) accumulator=accumulator(type=i16, overflow=saturate)
            left_zero_point=-3 right_zero_points=[0, 1] from "fc"
        return %y
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i8[3,2] = input
        %w: i8[2,2] = constant [1, 2, 3, 4]
        %y.bias: i32[2] = constant [12, 12] from "fc"
        %y: i16[3,2] = mat_mul(%x, %w, %y.bias)
            accumulator=accumulator(type=i16, overflow=saturate) right_zero_points=[0, 1] from "fc"
        return %y
        """)
    )


def test_a_bias_that_others_read_is_not_theirs_to_lose() -> None:
    found = rewritten(
        fold_zero_points,
        """
        graph example fixed
        %x: i8[1,1] = input
        %w: i8[1,1] = constant [1]
        %b: i8[1] = constant [10]
        %y: i32[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i32) left_zero_point=1
        %z: i32[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i32)
        return %y, %z
        """,
    )
    assert "%b: i8[1] = constant [10]" in found
    assert '%b_2: i32[1] = constant [9] from "b"' in found
    assert "%y: i32[1,1] = mat_mul(%x, %w, %b_2) accumulator=accumulator(type=i32)\n" in found
    assert "%z: i32[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i32)\n" in found


def test_a_bias_grows_beyond_32_bits_where_it_must() -> None:
    found = rewritten(
        fold_zero_points,
        """
        graph example fixed
        %x: i24[1,1] = input
        %w: i16[1,1] = constant [30000]
        %y: i32[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i32) left_zero_point=1000000
        return %y
        """,
    )
    assert "%y.bias: i36[1] = constant [-30000000000]" in found


EACH_ADD = """
    graph example fixed
    %x: u8[1,2] = input
    %w: i4[2,1] = constant [1, 1]
    %y: {type}[1,1] = mat_mul(%x, %w)
        accumulator=accumulator(type={type}, overflow=saturate-each-add) left_zero_point=128
    return %y
"""


@pytest.mark.parametrize(("type", "folds"), [("i9", False), ("i10", True)])
def test_order_matters_where_each_add_saturates_unless_no_order_can_overflow(
    type: str, folds: bool
) -> None:
    # Around 128 every partial sum lies in -256..254; of the codes themselves, in -256..510.
    text = EACH_ADD.format(type=type)
    found = rewritten(fold_zero_points, text)
    assert ("left_zero_point" not in found) == folds


def test_computed_weights_batched_weights_and_transposed_convolutions_are_left() -> None:
    text = """
        graph example fixed
        %x: i8[2,1,2] = input
        %w: i8[2,2] = input
        %batched: i8[2,2,1] = constant [1, 2, 3, 4]
        %plane: i8[1,1,1,1] = input
        %kernel: i8[1,2,2,1] = constant [1, 2, 3, 4]
        %y: i32[2,1,2] = mat_mul(%x, %w) accumulator=accumulator(type=i32) left_zero_point=1
        %z: i32[2,1,1] = mat_mul(%x, %batched) accumulator=accumulator(type=i32) left_zero_point=1
        %t: i32[1,2,2,1] = conv_transpose2d(%plane, %kernel) accumulator=accumulator(type=i32)
            input_zero_point=1
        return %y, %z, %t
    """
    assert rewritten(fold_zero_points, text) == print_graph(parse_graph(text))


@SETTINGS
@given(case=chains(["conv2d", "matmul"], most_steps=3))
def test_random_sums_keep_their_values(case: Case) -> None:
    assert_same_outputs(case.graph, fold_zero_points(case.graph), case.inputs)
