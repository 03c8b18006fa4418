# SPDX-License-Identifier: Apache-2.0
"""A bias in float32: exact in real numbers, or rounded to a code; both by their definition."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.real_sums import RealSum, steps_of
from intaglio.numerics.rounding import Rounding, divide
from tests.simulator.engines import assert_engines_agree

RATIOS = st.fractions(min_value=Fraction(1, 600), max_value=3, max_denominator=600)
ADDENDS = st.fractions(min_value=-40, max_value=40, max_denominator=64)
CONV = """
graph net scaled
%x: u8[1,1,256,1]{scale=f32(0.5)} = input
%w: i8[2,1,1,1]{axis=0, scale=[f32(0.25), f32(0.125)]} = constant [1, -2]
%b: f32[2] = constant [0.3125, -1e30]
%y: RESULT[1,1,256,2]{scale=f32(0.5), zero_point=3} = conv2d(%x, %w, %b) from "block/conv"
return %y
"""


@given(real=RATIOS, addend=ADDENDS, mode=st.sampled_from(Rounding), zero=st.integers(-9, 9))
def test_the_steps_are_those_of_the_rounded_sum(
    real: Fraction, addend: Fraction, mode: Rounding, zero: int
) -> None:
    low, high, reachable = -12, 11, Interval(-5000, 4000)
    steps = steps_of(RealSum(real, addend, mode, zero, low, high), reachable)
    edges = {step + near for step in steps.values for near in (-1, 0)}
    for x in (x for x in edges if x in range(reachable.low, reachable.high + 1)):
        exact = x * real + addend
        rounded = divide(exact.numerator, exact.denominator, mode)
        assert low + steps.apply(x) == min(max(rounded + zero, low), high)


def test_the_exact_bias_is_inside_the_one_rounding() -> None:
    graph = parse_graph(CONV.replace("RESULT", "i8"))
    check(graph)
    lowered = select_arithmetic(graph, load_profile("onnx-spec"))
    codes = np.arange(256, dtype=np.uint8).reshape(1, 1, 256, 1)
    found = assert_engines_agree(lowered, {"x": codes})["y"].reshape(256, 2)
    # y = x * 0.125 + 0.3125 in steps of 0.5: x / 4 + 0.625, a tie never, a half of a code often.
    expected = [min(round(Fraction(x, 4) + Fraction(5, 8)) + 3, 127) for x in range(256)]
    assert found[:, 0].tolist() == expected
    assert set(found[:, 1].tolist()) == {-128}


@pytest.mark.parametrize(
    ("profile", "result", "tie"), [("ort-x86-vnni", "u8", 2), ("tflm", "i8", 3)]
)
def test_machines_round_it_to_a_code_of_32_bits(profile: str, result: str, tie: int) -> None:
    graph = select_arithmetic(parse_graph(CONV.replace("RESULT", result)), load_profile(profile))
    bias = next(constant for constant in graph.constants if constant.name.startswith("b"))
    # 0.3125 / 0.125 = 2.5 lies halfway.
    assert bias.array.tolist() == [tie, -(2**31)]


def test_an_exact_bias_of_a_wide_result_is_refused() -> None:
    graph = parse_graph(CONV.replace("RESULT", "i16"))
    with pytest.raises(UnsupportedModel, match=r"block/conv \(Conv2d\): its bias is in float32"):
        select_arithmetic(graph, load_profile("onnx-spec"))
