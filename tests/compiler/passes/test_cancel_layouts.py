# SPDX-License-Identifier: Apache-2.0
"""Channels-last networks keep no transposes inside, and every value stays what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.passes.cancel_layouts import cancel_layouts
from intaglio.compiler.passes.cancel_layouts.permutations import (
    before_reshape,
    composed,
    inverse,
    is_identity,
    permuted,
)
from tests.compiler.passes.equality import SETTINGS, Step, assert_same_outputs, chains, rewritten
from tests.golden_files import Golden
from tests.simulator.random_graphs import Case
from tests.simulator.random_growth import Growth


def transposes(graph: Graph) -> int:
    return sum(1 for _ in graph.nodes_of(moves.Transpose))


HALVE = "[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=0, high=255)]"

RESIDUAL_NETWORK = f"""
    graph residual fixed
    %image: f32[2,3,4,4] = input
    %x: u8[2,3,4,4] = quantize(%image) scale=f32(0.5) zero_point=3 rounding=half-even
    %x.nhwc: u8[2,4,4,3] = transpose(%x) permutation=[0, 2, 3, 1]
    %w1: i8[4,1,1,3] = constant [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    %c1.accumulator: i32[2,4,4,4] = conv2d(%x.nhwc, %w1) accumulator=accumulator(type=i32)
    %c1: u8[2,4,4,4] = requantize(%c1.accumulator) requantizers=4 * requantizer(
        scaling=shift(shift={{1, 2, 3, 4}}, rounding=floor), zero_point=0, low=0, high=255)
    %c1.nchw: u8[2,4,4,4] = transpose(%c1) permutation=[0, 3, 1, 2]
    %c1.nhwc: u8[2,4,4,4] = transpose(%c1.nchw) permutation=[0, 2, 3, 1]
    %w2: i2[6,1,1,4] = constant [1,0,-1,-2,1,1,1,1,0,0,0,0,1,-1,1,-1,0,1,0,1,-2,-2,-2,-2]
    %c2.accumulator: i32[2,2,2,6] = conv2d(%c1.nhwc, %w2) accumulator=accumulator(type=i32)
        strides=[2, 2]
    %c2: u8[2,2,2,6] = requantize(%c2.accumulator) requantizers={HALVE}
    %c2.nchw: u8[2,6,2,2] = transpose(%c2) permutation=[0, 3, 1, 2]
    %sliced: u8[2,4,2,2] = slice(%c1.nchw) starts=[0, 0, 0, 0] steps=[1, 1, 2, 2]
    %padded: u8[2,6,2,2] = pad(%sliced) before=[0, 1, 0, 0] after=[0, 1, 0, 0] value=3
    %sum: u9[2,6,2,2] = add(%c2.nchw, %padded)
    %k: u8[6,1,1] = constant [1, 2, 3, 4, 5, 6]
    %biased: u10[2,6,2,2] = add(%sum, %k)
    %r: u8[2,6,2,2] = requantize(%biased) requantizers={HALVE}
    %total: i32[2,6,1,1] = reduce_sum(%r) accumulator=accumulator(type=i32) axes=[2, 3]
        keep_dimensions=true
    %mean: u8[2,6,1,1] = requantize(%total) requantizers={HALVE}
    %flat: u8[2,6] = reshape(%mean)
    %wf: i8[6,2] = constant [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    %fc: i32[2,2] = mat_mul(%flat, %wf) accumulator=accumulator(type=i32)
    %y: f32[2,2] = dequantize(%fc) scale=f32(0.5) zero_point=0
    return %y as "Y"
"""


def test_a_residual_network_keeps_the_transpose_of_its_input_alone(golden: Golden) -> None:
    assert rewritten(cancel_layouts, RESIDUAL_NETWORK, seeds=2) == golden


def test_a_transpose_goes_where_it_moves_bytes_rather_than_floats() -> None:
    found = rewritten(
        cancel_layouts,
        """
        graph border fixed
        %image: f32[1,2,3,3] = input
        %nhwc: f32[1,3,3,2] = transpose(%image) permutation=[0, 2, 3, 1]
        %x: u8[1,3,3,2] = quantize(%nhwc) scale=f32(0.5) zero_point=3 rounding=half-even
        %pool: u8[1,2,2,2] = max_pool2d(%x) kernel=[2, 2]
        %real: f32[1,2,2,2] = dequantize(%pool) scale=f32(0.5) zero_point=3
        %y: f32[1,2,2,2] = transpose(%real) permutation=[0, 3, 1, 2]
        return %y as "Y"
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph border fixed
        %image: f32[1,2,3,3] = input
        %x_2: u8[1,2,3,3] = quantize(%image) scale=f32(0.5) zero_point=3 rounding=half-even from "x"
        %x: u8[1,3,3,2] = transpose(%x_2) permutation=[0, 2, 3, 1]
        %pool: u8[1,2,2,2] = max_pool2d(%x) kernel=[2, 2]
        %pool_2: u8[1,2,2,2] = transpose(%pool) permutation=[0, 3, 1, 2] from "real"
        %y: f32[1,2,2,2] = dequantize(%pool_2) scale=f32(0.5) zero_point=3 from "real"
        return %y as "Y"
        """)
    )


def test_a_gate_computed_from_a_mean_is_broadcast_in_the_new_order() -> None:
    found = rewritten(
        cancel_layouts,
        f"""
        graph gate fixed
        %x: u8[2,3,3,4] = input
        %nchw: u8[2,4,3,3] = transpose(%x) permutation=[0, 3, 1, 2]
        %total: i16[2,4] = reduce_sum(%nchw) accumulator=accumulator(type=i16) axes=[2, 3]
            keep_dimensions=false
        %gate: u8[2,4] = requantize(%total) requantizers={HALVE}
        %spread: u8[2,4,1,1] = reshape(%gate)
        %gated: u16[2,4,3,3] = multiply(%nchw, %spread)
        %y: u8[2,4,3,3] = requantize(%gated) requantizers={HALVE}
        %nhwc: u8[2,3,3,4] = transpose(%y) permutation=[0, 2, 3, 1]
        %pool: u8[2,1,1,4] = max_pool2d(%nhwc) kernel=[3, 3]
        return %pool
        """,
    )
    assert "transpose" not in found
    assert "reduce_sum(%x) accumulator=accumulator(type=i16) axes=[1, 2]" in found
    assert "%spread: u8[2,1,1,4] = reshape(%gate)" in found


def test_a_sequence_that_convolves_as_a_plane_of_one_row_needs_none_inside() -> None:
    layer = """
        %rows{n}: u8[2,4,3] = transpose(%x{n}) permutation=[0, 2, 1]
        %plane{n}: u8[2,1,4,3] = reshape(%rows{n})
        %pool{n}: u8[2,1,4,3] = max_pool2d(%plane{n}) kernel=[1, 3] pads=[0, 1, 0, 1]
        %line{n}: u8[2,4,3] = reshape(%pool{n})
        %x{m}: u8[2,3,4] = transpose(%line{n}) permutation=[0, 2, 1]
    """
    text = f"""
        graph sequence fixed
        %x0: u8[2,3,4] = input
        {layer.format(n=0, m=1)}
        {layer.format(n=1, m=2)}
        return %x2
    """
    after = cancel_layouts(parse_graph(text))
    assert [node.name for node, _ in after.nodes_of(moves.Transpose)] == ["rows0", "x2"]
    rewritten(cancel_layouts, text)


def test_flattened_planes_meet_weights_in_their_own_order() -> None:
    found = rewritten(
        cancel_layouts,
        """
        graph flat fixed
        %x: i8[2,2,2,3] = input
        %nchw: i8[2,3,2,2] = transpose(%x) permutation=[0, 3, 1, 2]
        %flat: i8[2,12] = reshape(%nchw)
        %w: i8[12,1] = constant [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
        %y: i32[2,1] = mat_mul(%flat, %w) accumulator=accumulator(type=i32)
        return %y
        """,
    )
    assert "transpose" not in found
    assert "%w: i8[12,1] = constant [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]" in found


@pytest.mark.parametrize("overflow", ["wrap", "saturate-each-add"])
def test_an_order_of_adding_that_matters_is_kept(overflow: str) -> None:
    found = rewritten(
        cancel_layouts,
        f"""
        graph order fixed
        %x: i8[2,2,3] = input
        %turned: i8[3,2,2] = transpose(%x) permutation=[2, 1, 0]
        %y: i8[2] = reduce_sum(%turned) accumulator=accumulator(type=i8, overflow={overflow})
            axes=[0, 2] keep_dimensions=false
        %nchw: i8[3,2,2] = transpose(%x) permutation=[2, 0, 1]
        %flat: i8[1,12] = reshape(%nchw)
        %w: i8[12,1] = constant [100, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -100]
        %z: i8[1,1] = mat_mul(%flat, %w) accumulator=accumulator(type=i8, overflow={overflow})
        return %y, %z
        """,
    )
    assert found.count("transpose(") == (0 if overflow == "wrap" else 2)


def test_a_channel_of_its_own_stays_the_last_axis() -> None:
    text = """
        graph channels fixed
        %x: i8[1,2,2,3] = input
        %nchw: i8[1,3,2,2] = transpose(%x) permutation=[0, 3, 1, 2]
        %clamped: i8[1,3,2,2] = clamp(%nchw) low=[0, 1] high=[5, 6]
        %y: i8[1,2,2,3] = transpose(%clamped) permutation=[0, 2, 3, 1]
        return %y
    """
    assert rewritten(cancel_layouts, text) == print_graph(parse_graph(text))


def test_an_output_that_is_an_input_again_stays_a_value_of_its_own() -> None:
    found = rewritten(
        cancel_layouts,
        """
        graph same fixed
        %x: i8[2,3] = input
        %turned: i8[3,2] = transpose(%x) permutation=[1, 0]
        %y: i8[2,3] = transpose(%turned) permutation=[1, 0]
        return %y as "Y"
        """,
    )
    assert "%y: i8[2,3] = reshape(%x)\n" in found


def test_transposed_constants_are_constants_under_their_own_name() -> None:
    found = rewritten(
        cancel_layouts,
        """
        graph constants fixed
        %x: i8[2,3] = input
        %k: i8[3,2] = constant [1, 2, 3, 4, 5, 6]
        %turned: i8[2,3] = transpose(%k) permutation=[1, 0]
        %y: i9[2,3] = add(%x, %turned)
        return %y
        """,
    )
    assert "%k: i8[2,3] = constant [1, 3, 5, 2, 4, 6]" in found
    assert "%y: i9[2,3] = add(%x, %k)" in found


def test_a_computed_operand_of_fewer_axes_is_widened_first() -> None:
    found = rewritten(
        cancel_layouts,
        """
        graph widened fixed
        %x: u4[2,2,2,3] = input
        %row: u4[3,1,1] = input
        %turned: u4[2,3,2,2] = transpose(%x) permutation=[0, 3, 1, 2]
        %sum: u5[2,3,2,2] = add(%turned, %row)
        %y: u5[2,2,2,3] = transpose(%sum) permutation=[0, 2, 3, 1]
        return %y
        """,
    )
    assert "transpose" not in found
    assert "reshape(%row)" in found


PERMUTATIONS = st.integers(1, 5).flatmap(lambda rank: st.permutations(range(rank))).map(tuple)


@given(p=PERMUTATIONS, data=st.data())
def test_permutations_compose_and_go_back(p: tuple[int, ...], data: st.DataObject) -> None:
    q = tuple(data.draw(st.permutations(p)))
    shape = tuple(range(10, 10 + len(p)))
    assert permuted(permuted(shape, p), q) == permuted(shape, composed(p, q))
    assert is_identity(composed(p, inverse(p)))
    assert is_identity(composed(inverse(p), p))


def test_reshapes_that_do_more_than_drop_ones_have_no_order() -> None:
    assert before_reshape((2, 6), (2, 3, 2), (0, 2, 1)) is None
    assert before_reshape((1, 2, 1, 3), (2, 3, 1), (1, 0, 2)) == (0, 3, 1, 2)


def turn(grow: Growth) -> None:
    """A transpose, of the usual two often."""
    x, type = grow.operand(least_rank=2)
    usual = [(0, 2, 3, 1), (0, 3, 1, 2)] if type.rank == 4 else []
    shuffled = st.permutations(range(type.rank)).map(tuple)
    p = grow.draw(st.one_of(*[st.just(each) for each in usual], shuffled))
    grow.emit(fixed.Transpose(p), [x], type.element)


def widen(grow: Growth) -> None:
    """A reshape that drops and inserts axes of extent 1."""
    x, type = grow.operand()
    shape = [extent for extent in type.shape if extent != 1]
    for _ in range(grow.size(0, 2)):
        shape.insert(grow.size(0, len(shape)), 1)
    grow.emit(fixed.Reshape(), [x], type.element, tuple(shape))


FOLLOWING: list[str | Step] = [
    *(turn, turn, turn, widen),
    *("move", "requantize", "lookup", "pairwise", "exact_pair", "clamp", "cast", "softmax"),
    *("reduce_sum", "max_pool2d", "matmul", "quantize", "dequantize"),
]


@SETTINGS
@given(case=chains(FOLLOWING, most_steps=9))
def test_random_layouts_keep_their_values(case: Case) -> None:
    after = cancel_layouts(case.graph)
    assert_same_outputs(case.graph, after, case.inputs)
    assert transposes(after) <= transposes(case.graph)
