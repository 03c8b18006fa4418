# SPDX-License-Identifier: Apache-2.0
"""Sums by hand, and against ONNX's own evaluator."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from intaglio.compiler.ir.graph import Array
from tests.simulator.text_cases import outcome

I32 = "accumulator=accumulator(type=i32)"


def evaluated_by_onnx(op: str, operands: list[Array], **attributes: Any) -> Array:
    """What ONNX's evaluator makes of one node."""
    names = [f"operand_{position}" for position in range(len(operands))]
    node = helper.make_node(op, names, ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), None)
        for name, array in zip(names, operands, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.INT32, None)
    model = helper.make_model(helper.make_graph([node], op, inputs, [output]))
    evaluator: Any = ReferenceEvaluator(model)
    result: Array = evaluator.run(None, dict(zip(names, operands, strict=True)))[0]
    return result


def test_convolution_by_hand() -> None:
    # One row [1, 2, 3] with kernel [1, 10], the bias 100: 1*1 + 2*10, then 2*1 + 3*10.
    found = outcome(
        f"""
        %x: i8[1,1,3,1] = input
        %w: i8[1,1,2,1] = constant [1, 10]
        %b: i32[1] = constant [100]
        %y: i32[1,1,2,1] = conv2d(%x, %w, %b) {I32}
        """,
        x=[[[[1], [2], [3]]]],
    )
    assert found == [[[[121], [132]]]]


def test_convolution_subtracts_zero_points_at_padded_positions_too() -> None:
    # Terms (x - 2) * (w - 1); the code 5 stands at both padded columns.
    found = outcome(
        f"""
        %x: i8[1,1,2,1] = input
        %w: i8[1,1,3,1] = constant [1, 2, 4]
        %y: i32[1,1,2,1] = conv2d(%x, %w) {I32} pads=[0, 1, 0, 1] input_zero_point=2
            weight_zero_points=[1] pad_value=5
        """,
        x=[[[[3], [7]]]],
    )
    assert found == [[[[1 * 1 + 5 * 3], [5 * 1 + 3 * 3]]]]


def test_depthwise_convolution_keeps_channels_apart() -> None:
    found = outcome(
        f"""
        %x: i8[1,1,2,2] = input
        %w: i8[2,1,2,1] = constant [1, 1, 100, 10]
        %y: i32[1,1,1,2] = conv2d(%x, %w) {I32} groups=2
        """,
        x=[[[[1, 2], [3, 4]]]],
    )
    assert found == [[[[1 + 3, 240]]]]


@pytest.mark.parametrize(
    ("overflow", "expected"),
    [("wrap", 131 - 256), ("saturate", 127), ("saturate-each-add", 127 - 69)],
)
def test_what_an_accumulator_does_with_a_sum_it_cannot_hold(overflow: str, expected: int) -> None:
    found = outcome(
        f"""
        %x: i8[3] = input
        %y: i8[] = reduce_sum(%x) accumulator=accumulator(type=i8, overflow={overflow}) axes=[0]
            keep_dimensions=false
        """,
        x=[100, 100, -69],
    )
    assert found == expected


@pytest.mark.parametrize(("order", "expected"), [("bias-first", 107), ("bias-last", 127)])
def test_the_place_of_the_bias_in_an_ordered_sum(order: str, expected: int) -> None:
    # 100 first: 100, 200 -> 127, 107.  100 last: 100, 80, 180 -> 127.
    found = outcome(
        f"""
        %x: i8[1,2] = input
        %w: i8[2,1] = constant [1, 1]
        %b: i8[1] = constant [100]
        %y: i8[1,1] = mat_mul(%x, %w, %b)
            accumulator=accumulator(type=i8, overflow=saturate-each-add, order={order})
        """,
        x=[[100, -20]],
    )
    assert found == [[expected]]


def test_a_wide_bias_saturates_as_a_term_like_any_other() -> None:
    found = outcome(
        """
        %x: i8[1,1] = input
        %w: i8[1,1] = constant [1]
        %b: i16[1] = constant [300]
        %y: i8[1,1] = mat_mul(%x, %w, %b)
            accumulator=accumulator(type=i8, overflow=saturate-each-add, order=bias-first)
        """,
        x=[[-27]],
    )
    assert found == [[100]]


def test_terms_are_added_by_row_then_column_then_channel() -> None:
    # In i4 (-8..7): channel-fastest 7, 14 -> 7, 0, -7; column-fastest would give 7, 0, 7, 0.
    found = outcome(
        """
        %x: i4[1,1,2,2] = input
        %w: i4[1,1,2,2] = constant [1, 1, 1, 1]
        %y: i4[1,1,1,1] = conv2d(%x, %w)
            accumulator=accumulator(type=i4, overflow=saturate-each-add)
        """,
        x=[[[[7, 7], [-7, -7]]]],
    )
    assert found == [[[[-7]]]]


def test_transposed_convolution_spreads_each_element() -> None:
    # Stride 2 leaves a gap at column 2 between the two images of the kernel [1, 10].
    found = outcome(
        f"""
        %x: i8[1,1,2,1] = input
        %w: i8[1,1,2,1] = constant [1, 10]
        %b: i8[1] = constant [5]
        %y: i32[1,1,5,1] = conv_transpose2d(%x, %w, %b) {I32} strides=[1, 2]
        """,
        x=[[[[2], [3]]]],
    )
    assert [pixel[0] for pixel in found[0][0]] == [7, 25, 8, 35, 5]


def test_pads_cut_a_transposed_convolution() -> None:
    # Of the columns 2*1, 2*10 + 3*1, 3*10, without dilation, the first is cut; so is the top row.
    found = outcome(
        f"""
        %x: i8[1,1,2,1] = input
        %w: i8[1,2,2,1] = constant [7, 7, 1, 10]
        %y: i32[1,1,2,1] = conv_transpose2d(%x, %w) {I32} pads=[1, 1, 0, 0]
        """,
        x=[[[[2], [3]]]],
    )
    assert found == [[[[23], [30]]]]


def test_a_dilated_transposed_convolution_subtracts_zero_points() -> None:
    # Terms (2 - 1) * (w - 5) at columns 0 and 2; column 1 has no term but the bias.
    found = outcome(
        f"""
        %x: i8[1,1,1,1] = input
        %w: i8[1,1,2,1] = constant [6, 8]
        %b: i8[1] = constant [50]
        %y: i32[1,1,3,1] = conv_transpose2d(%x, %w, %b) {I32} dilations=[1, 2]
            input_zero_point=1 weight_zero_points=[5]
        """,
        x=[[[[2]]]],
    )
    assert found == [[[[51], [50], [53]]]]


def test_batched_matrix_product_with_zero_points_of_columns() -> None:
    found = outcome(
        f"""
        %a: i8[2,1,2] = input
        %b: i8[2,2,2] = input
        %y: i32[2,1,2] = mat_mul(%a, %b) {I32} left_zero_point=1 right_zero_points=[0, 2]
        """,
        a=[[[2, 3]], [[1, 0]]],
        b=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    )
    assert found == [[[1 + 2 * 3, 2 * 2]], [[-7, -6]]]


def test_a_vector_times_a_matrix() -> None:
    found = outcome(
        f"""
        %a: i8[2] = input
        %b: i8[2,3] = constant [1, 2, 3, 4, 5, 6]
        %y: i32[3] = mat_mul(%a, %b) {I32}
        """,
        a=[1, -1],
    )
    assert found == [-3, -3, -3]


def test_reduce_sum_over_outer_and_inner_axes() -> None:
    found = outcome(
        """
        %x: i8[2,2,2] = input
        %y: i16[1,2,1] = reduce_sum(%x) accumulator=accumulator(type=i16) axes=[0, 2]
            keep_dimensions=true input_zero_point=1
        """,
        x=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    )
    assert found == [[[14 - 4], [22 - 4]]]


@pytest.mark.parametrize(
    ("strides", "pads", "dilations", "groups"),
    [
        ((1, 1), (0, 0, 0, 0), (1, 1), 1),
        ((2, 1), (1, 2, 0, 1), (1, 2), 2),
        ((1, 3), (2, 2, 2, 2), (2, 2), 4),
    ],
)
def test_convolution_equals_onnx(
    strides: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilations: tuple[int, int],
    groups: int,
) -> None:
    random = np.random.default_rng(7)
    x = random.integers(0, 256, (2, 6, 5, 4), dtype=np.uint8)
    w = random.integers(-128, 128, (8, 2, 3, 4 // groups), dtype=np.int8)
    expected = evaluated_by_onnx(
        "ConvInteger",
        [x.transpose(0, 3, 1, 2), w.transpose(0, 3, 1, 2), np.array(117, np.uint8)],
        strides=strides,
        pads=pads,
        dilations=dilations,
        group=groups,
    )
    shape = ",".join(map(str, expected.transpose(0, 2, 3, 1).shape))
    found = outcome(
        f"""
        %x: u8[2,6,5,4] = input
        %w: i8[8,2,3,{4 // groups}] = input
        %y: i32[{shape}] = conv2d(%x, %w) {I32} strides={list(strides)} pads={list(pads)}
            dilations={list(dilations)} groups={groups} input_zero_point=117 pad_value=117
        """,
        x=x,
        w=w,
    )
    assert np.array_equal(np.array(found).transpose(0, 3, 1, 2), expected)


def test_matrix_product_equals_onnx() -> None:
    random = np.random.default_rng(8)
    a = random.integers(0, 256, (3, 5, 7), dtype=np.uint8)
    b = random.integers(-128, 128, (7, 4), dtype=np.int8)
    zero_points = np.array([3, -7, 0, 127], np.int8)
    expected = evaluated_by_onnx("MatMulInteger", [a, b, np.array(99, np.uint8), zero_points])
    found = outcome(
        f"""
        %a: u8[3,5,7] = input
        %b: i8[7,4] = input
        %y: i32[3,5,4] = mat_mul(%a, %b) {I32} left_zero_point=99 right_zero_points=[3, -7, 0, 127]
        """,
        a=a,
        b=b,
    )
    assert np.array_equal(found, expected)
