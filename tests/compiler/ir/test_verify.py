# SPDX-License-Identifier: Apache-2.0
"""A graph for each way to break a rule, and the whole sentence that it earns."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.compiler.ir.verify import (
    STAGES,
    check,
    float_parts,
    float_values,
    integer_only,
    rule_sentences,
    verify,
)
from intaglio.errors import InvalidGraph
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from tests.compiler.ir.bad_graphs import FIXED_CASES, SCALED_CASES
from tests.compiler.ir.every_op import FIXED, SCALED

I8 = TensorType(IntType(8, signed=True), (1, 2))
X = Input("x", I8, "x")


@pytest.mark.parametrize(
    ("lines", "sentence"), [case.values for case in FIXED_CASES], ids=[c.id for c in FIXED_CASES]
)
def test_a_bad_fixed_graph_earns_its_sentence(lines: str, sentence: str) -> None:
    assert verify(parse_graph(f"graph g fixed\n{lines}\nreturn %y\n")) == (sentence,)


@pytest.mark.parametrize(
    ("lines", "sentence"), [case.values for case in SCALED_CASES], ids=[c.id for c in SCALED_CASES]
)
def test_a_bad_scaled_graph_earns_its_sentence(lines: str, sentence: str) -> None:
    assert verify(parse_graph(f"graph g scaled\n{lines}\nreturn %y\n")) == (sentence,)


def graph_of(
    *nodes: Node, constants: tuple[Constant, ...] = (), level: Level = Level.FIXED
) -> Graph:
    outputs = (nodes[-1].name,) if nodes else ("x",)
    return Graph("g", level, (X,), constants, nodes, outputs)


def test_a_name_of_the_text_form_is_demanded() -> None:
    graph = graph_of(Node("y z", I8, fixed.Reshape(), ("x",), "Reshape"))
    assert verify(graph) == (
        "reshape %y z (from \"Reshape\"): found the name 'y z', "
        "expected letters, digits, dots and _.",
    )


def test_an_op_of_the_other_level_is_refused() -> None:
    graph = graph_of(Node("y", I8, scaled.Requantize(), ("x",)))
    assert verify(graph) == (
        "requantize %y: found an op of the scaled level, expected one of the fixed level.",
    )
    graph = graph_of(Node("y", I8, fixed.Cast(Overflow.WRAP), ("x",)), level=Level.SCALED)
    assert verify(graph) == (
        "cast %y: found an op of the fixed level, expected one of the scaled level.",
    )


def test_outputs_have_their_sources_or_none() -> None:
    graph = replace(graph_of(), outputs=("x", "x"), output_sources=("x",))
    assert verify(graph) == ("return: found 1 names for 2 outputs, expected 2 or none.",)


def test_outputs_have_their_scales_or_none() -> None:
    scale = Quantization((Float32.from_value(0.5),))
    graph = replace(graph_of(), outputs=("x", "x"), output_quantizations=(scale,))
    assert verify(graph) == ("return: found 1 scales for 2 outputs, expected 2 or none.",)


def test_a_graph_without_an_output_is_refused() -> None:
    assert verify(replace(graph_of(), outputs=())) == (
        "return: found no output, expected at least one.",
    )


@pytest.mark.parametrize(
    ("shape", "found", "expected"),
    [
        ((1,) * 17, "17 dimensions", "at most 16"),
        ((3, 0), "shape [3,0]", "extents of 1 or more"),
        ((-1,), "shape [-1]", "extents of 1 or more"),
    ],
)
def test_shapes_that_no_text_has(shape: tuple[int, ...], found: str, expected: str) -> None:
    graph = replace(graph_of(), inputs=(replace(X, type=I8.with_shape(shape)),))
    assert verify(graph) == (f"input %x: found {found}, expected {expected}.",)


def test_a_float_constant_is_finite() -> None:
    array = np.array([1, np.inf], dtype=np.float32)
    constant = Constant("c", TensorType(FLOAT32, (2,)), array)
    assert verify(graph_of(constants=(constant,))) == (
        "constant %c: found an element that is infinite or not a number, expected values of f32.",
    )


def test_every_violation_of_a_stage_is_told_at_once() -> None:
    graph = parse_graph(
        "graph net fixed\n%x: i8[1,2] = input\n%a: i8[1,2] = add(%x, %x)\n"
        "%b: i8[1,2] = multiply(%x, %x) left_zero_point=200\nreturn %a\n"
    )
    with pytest.raises(InvalidGraph) as error:
        check(graph)
    assert str(error.value) == (
        "graph net breaks 3 rule(s) of the IR:\n"
        "  add %a: found a result of i8 for values in [-256, 254], "
        "expected a type such as i9.\n"
        "  multiply %b: found a result of i8 for values in [-41656, 41984], "
        "expected a type such as i17.\n"
        "  multiply %b: found left_zero_point 200, expected a code of i8."
    )


def test_a_valid_graph_passes() -> None:
    check(parse_graph(FIXED))
    check(parse_graph(SCALED))


def test_every_rule_is_a_sentence() -> None:
    sentences = rule_sentences()
    assert len(sentences) == sum(map(len, STAGES))
    for sentence in sentences:
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_every_rule_is_broken_by_a_test() -> None:
    texts = [f"graph g fixed\n{case.lines}\nreturn %y\n" for case in FIXED_CASES]
    texts += [f"graph g scaled\n{case.lines}\nreturn %y\n" for case in SCALED_CASES]
    graphs = [parse_graph(text) for text in texts]
    # These need graphs that no text has: the tests above build them.
    built = {
        "names_are_plain",
        "outputs_have_their_sources",
        "outputs_have_their_scales",
        "ops_are_of_the_level",
    }
    unbroken = {rule.__name__ for stage in STAGES for rule in stage} - built
    for graph in graphs:
        for stage in STAGES:
            broken = {rule.__name__ for rule in stage if any(rule(graph))}
            unbroken -= broken
            if broken:
                break
    assert unbroken == set()


def test_float_values_are_listed_in_order() -> None:
    graph = parse_graph(FIXED)
    assert float_values(graph) == ("image", "offsets", "real", "shifted", "probabilities")


def test_integer_only_says_why_not() -> None:
    graph = parse_graph(FIXED)
    assert not integer_only(graph)
    arithmetic = [part for part in float_parts(graph) if "computes" in part]
    assert arithmetic == [
        "requantize %float32_multiply: Float32Multiply computes in floating point.",
        "requantize %float32_multiply_add: Float32MultiplyAdd computes in floating point.",
        "requantize %float64_multiply: Float64Multiply computes in floating point.",
        "pairwise %fused_multiply_add_sum: FusedMultiplyAddSum computes in floating point.",
        "pairwise %dequantized_pair: DequantizedPair computes in floating point.",
        "average_pool2d %float_averaged: Float32Average computes in floating point.",
        "softmax %float32_table_softmax: Float32TableSoftmax computes in floating point.",
    ]
    values = [part for part in float_parts(graph) if part not in arithmetic]
    assert values[0] == 'input %image (from "image:0"): its value is float32.'
    assert len(values) == len(float_values(graph))


def test_integers_alone_are_integer_only() -> None:
    kept = parse_graph(
        "graph g fixed\n%x: i32[1,2] = input\n%y: i4[1,2] = requantize(%x) requantizers="
        "[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=-8, high=7)]\n"
        "return %y\n"
    )
    assert integer_only(kept)
    assert float_parts(parse_graph(SCALED)) == (
        "graph every op: scaled: its scales are float32 until an arithmetic is selected.",
    )


def test_a_moved_input_may_be_quantized() -> None:
    check(
        parse_graph(
            "graph g fixed\n%x: f32[1,2] = input\n%m: f32[2,1] = transpose(%x) permutation=[1, 0]\n"
            "%y: i8[2,1] = quantize(%m) scale=f32(0.5) zero_point=0 rounding=half-even\nreturn %y"
        )
    )


FLOAT = "float32_multiply(factor=f32(0.5))"
SHIFT = "shift(shift=1, rounding=floor)"


@pytest.mark.parametrize(
    "scalings", [(FLOAT, SHIFT, SHIFT), (SHIFT, FLOAT, SHIFT), (SHIFT, SHIFT, FLOAT)]
)
def test_a_float_scaling_inside_of_a_sum_is_found(scalings: tuple[str, str, str]) -> None:
    left, right, output = scalings
    graph = parse_graph(
        "graph g fixed\n%x: i8[1] = input\n%y: i4[1] = pairwise(%x, %x) arithmetic="
        f"rescaled_sum(left_zero_point=0, right_zero_point=0, left_shift=0, left={left}, "
        f"right={right}, output=requantizer(scaling={output}, zero_point=0, low=-8, high=7))\n"
        "return %y"
    )
    check(graph)
    assert float_parts(graph) == ("pairwise %y: Float32Multiply computes in floating point.",)


def test_a_float_scaling_inside_of_a_pool_is_found() -> None:
    graph = parse_graph(
        "graph g fixed\n%x: i8[1,2,1,1] = input\n%y: i4[1,1,1,1] = average_pool2d(%x) "
        "kernel=[2, 1] arithmetic=requantized_sum(input_zero_point=0, by_count=2 * requantizer("
        f"scaling={{{SHIFT}, {FLOAT}}}, zero_point=0, low=-8, high=7))\nreturn %y"
    )
    check(graph)
    assert float_parts(graph) == ("average_pool2d %y: Float32Multiply computes in floating point.",)
