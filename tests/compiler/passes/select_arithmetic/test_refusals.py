# SPDX-License-Identifier: Apache-2.0
"""What a profile has no arithmetic for is refused, naming the node in the user's model."""

from dataclasses import replace

import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import IntaglioError, InvalidProfile, UnsupportedModel
from intaglio.numerics.profile import load_profile

CONV = """
graph net scaled
%x: u8[1,2,2,1]{X} = input
%w: i8[2,1,1,1]{W} = constant [3, -5]
%b: i32[2]{B} = constant [7, 9]
%y: u8[1,2,2,2]{scale=f32(0.5)} = conv2d(%x, %w, %b) from "block/conv"
return %y
"""
SOFTMAX = """
graph net scaled
%x: i8[1,4]{scale=f32(0.1)} = input
%y: i8[1,4]{scale=f32(0.01), zero_point=-128} = softmax(%x) axis=1 from "head"
return %y
"""
WIDE = """
graph net scaled
%x: i24[1,4]{scale=f32(0.1)} = input
%y: i8[1,4]{scale=f32(0.01)} = unary(%x) function=tanh from "act"
return %y
"""


def _conv(
    x: str = "scale=f32(0.5)",
    w: str = "axis=0, scale=[f32(0.25), f32(0.125)]",
    b: str = "axis=0, scale=[f32(0.125), f32(0.0625)]",
) -> str:
    return CONV.replace("{X}", f"{{{x}}}").replace("{W}", f"{{{w}}}").replace("{B}", f"{{{b}}}")


def _refusal(text: str, profile: str) -> IntaglioError:
    with pytest.raises(UnsupportedModel) as caught:
        select_arithmetic(parse_graph(text), load_profile(profile))
    return caught.value


def test_the_plain_case_is_taken():
    select_arithmetic(parse_graph(_conv()), load_profile("tflm"))


def test_a_bias_in_another_scale():
    error = _refusal(_conv(b="axis=0, scale=[f32(0.125), f32(0.125)]"), "tflm")
    assert str(error) == (
        "net has 1 unsupported part(s):\n"
        "  block/conv (Conv2d): its bias has the scale 0.125 in channel 1; expected 0.0625, the "
        "product of the scales of input and weights\n"
        "Change the model, or lower it under another profile than tflm."
    )


def test_a_bias_with_a_zero_point():
    error = _refusal(
        _conv(b="axis=0, scale=[f32(0.125), f32(0.0625)], zero_point=4"), "single-rounding"
    )
    assert "block/conv (Conv2d): its bias has the zero point 4; expected 0" in str(error)


def test_weights_scaled_along_their_inputs():
    error = _refusal(_conv(w="axis=3, scale=[f32(0.25)], zero_point=[1, 2]"), "tflm")
    assert "its weights have a scale for each index of axis 3" in str(error)


def test_scales_that_are_no_powers_of_two():
    text = _conv(w="axis=0, scale=[f32(0.25), f32(0.1)]", b="axis=0, scale=[f32(0.125), f32(0.05)]")
    error = _refusal(text, "pow2-half-up")
    assert "block/conv (Conv2d): scale" in str(error)
    assert "is not a power of two" in str(error)


def test_a_softmax_whose_result_is_not_in_256ths():
    error = _refusal(SOFTMAX, "tflm")
    assert "head (Softmax): its result has scale 0.01 and zero point -128" in str(error)


def test_a_table_over_too_many_codes():
    error = _refusal(WIDE, "single-rounding")
    assert "act (Unary): a table over i24 codes; expected operands of at most 16 bits" in str(error)


def test_a_profile_without_a_rule():
    tflm = load_profile("tflm")
    without = replace(tflm, contraction=tflm.contraction[:1])
    with pytest.raises(InvalidProfile, match="none for conv2d on u8 operands, per-channel"):
        select_arithmetic(parse_graph(_conv()), without)
