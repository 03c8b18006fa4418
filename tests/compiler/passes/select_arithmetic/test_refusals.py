# SPDX-License-Identifier: Apache-2.0
"""What a profile has no arithmetic for is refused, naming the node in the user's model."""

from dataclasses import replace

import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import IntaglioError, InvalidProfile, UnsupportedModel
from intaglio.numerics.profile import PairRule, load_profile
from intaglio.numerics.profile.methods import RescaledSumMethod
from intaglio.numerics.profile.schemes import DoubleRoundingScheme
from intaglio.numerics.rounding import Rounding

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


def test_the_plain_case_is_taken() -> None:
    select_arithmetic(parse_graph(_conv()), load_profile("tflm"))


def test_a_bias_in_another_scale() -> None:
    error = _refusal(_conv(b="axis=0, scale=[f32(0.125), f32(0.125)]"), "tflm")
    assert str(error) == (
        "net has 1 unsupported part(s):\n"
        "  block/conv (Conv2d): its bias has the scale 0.125 in channel 1; expected 0.0625, the "
        "product of the scales of input and weights\n"
        "Change the model, or lower it under another profile than tflm."
    )


def test_a_bias_with_a_zero_point() -> None:
    error = _refusal(
        _conv(b="axis=0, scale=[f32(0.125), f32(0.0625)], zero_point=4"), "single-rounding"
    )
    assert "block/conv (Conv2d): its bias has the zero point 4; expected 0" in str(error)


def test_weights_scaled_along_their_inputs() -> None:
    error = _refusal(_conv(w="axis=3, scale=[f32(0.25)], zero_point=[1, 2]"), "tflm")
    assert "its weights have a scale for each index of axis 3" in str(error)


def test_scales_that_are_no_powers_of_two() -> None:
    text = _conv(w="axis=0, scale=[f32(0.25), f32(0.1)]", b="axis=0, scale=[f32(0.125), f32(0.05)]")
    error = _refusal(text, "pow2-half-up")
    assert "block/conv (Conv2d): scale" in str(error)
    assert "is not a power of two" in str(error)


def test_every_offending_node_is_named_at_once() -> None:
    text = """
graph net scaled
%x: i8[1,4]{scale=f32(0.1)} = input
%a: i8[1,4]{scale=f32(0.03)} = multiply(%x, %x) from "first"
%b: i8[1,4]{scale=f32(0.03)} = unary(%a) function=tanh from "fine"
%c: i8[1,4]{scale=f32(0.07)} = multiply(%b, %a) from "second"
return %c
"""
    error = _refusal(text, "pow2-half-up")
    assert isinstance(error, UnsupportedModel)
    assert [problem.split(" ")[0] for problem in error.problems] == ["first", "second"]


def test_a_softmax_whose_result_is_not_in_256ths() -> None:
    error = _refusal(SOFTMAX, "tflm")
    assert "head (Softmax): its result has scale 0.01 and zero point -128" in str(error)


def test_a_table_over_too_many_codes() -> None:
    error = _refusal(WIDE, "single-rounding")
    assert "act (Unary): a table over i24 codes; expected operands of at most 16 bits" in str(error)


def test_a_profile_without_a_rule() -> None:
    tflm = load_profile("tflm")
    without = replace(tflm, contraction=tflm.contraction[:1])
    with pytest.raises(
        InvalidProfile, match="none for conv2d on u8 operands with u8 results, per-channel"
    ):
        select_arithmetic(parse_graph(_conv()), without)


def _swish(type: str) -> str:
    return (
        f"graph net scaled\n%x: {type}[1,4]{{scale=f32(0.001), zero_point=3}} = input\n"
        f"%y: {type}[1,4]{{scale=f32(0.001), zero_point=3}} = unary(%x) function=hard-swish "
        'from "act"\nreturn %y\n'
    )


@pytest.mark.parametrize("profile", ["tflm", "litert-ref-1.3", "litert-xnnpack-x86"])
def test_a_formula_for_eight_bits_takes_no_wider_codes(profile: str) -> None:
    select_arithmetic(parse_graph(_swish("i8")), load_profile(profile))
    with pytest.raises(InvalidProfile, match="none for hard-swish on u16 operands"):
        select_arithmetic(parse_graph(_swish("u16")), load_profile(profile))


@pytest.mark.parametrize("profile", ["tflm", "litert-ref-1.3", "tosa-single"])
def test_a_sum_that_overflows_the_profile_is_refused(profile: str) -> None:
    text = """
graph net scaled
%x: TYPE[1,4]{scale=f32(0.001)} = input
%y: TYPE[1,4]{scale=f32(0.002)} = add(%x, %x) from "sum"
return %y
"""
    select_arithmetic(parse_graph(text.replace("TYPE", "i8")), load_profile(profile))
    wide = text.replace("TYPE", "u24")
    assert "overflow the profile's" in str(_refusal(wide, profile))


def test_a_rule_for_another_function_is_refused() -> None:
    text = """
graph net scaled
%x: i8[1,4]{scale=f32(0.5)} = input
%y: i8[1,4]{scale=f32(0.5)} = squared_difference(%x, %x) from "square"
return %y
"""
    scheme = DoubleRoundingScheme(Rounding.HALF_AWAY_FROM_ZERO)
    tflm = load_profile("tflm")
    sums = replace(tflm, pair=(PairRule(RescaledSumMethod(20, scheme)),))
    with pytest.raises(UnsupportedModel, match="RescaledSumMethod for squared_difference"):
        select_arithmetic(parse_graph(text), sums)


def test_the_sum_that_reads_int8_as_uint8_is_refused() -> None:
    text = """
graph net scaled
%x: TYPE[1,4]{scale=f32(0.5)} = input
%y: TYPE[1]{scale=f32(0.5)} = reduce_sum(%x) axes=[1] keep_dimensions=false
return %y
"""
    reference = load_profile("litert-ref-1.3")
    select_arithmetic(parse_graph(text.replace("TYPE", "u8")), reference)
    with pytest.raises(InvalidProfile, match="none for reduce_sum on i8 operands"):
        select_arithmetic(parse_graph(text.replace("TYPE", "i8")), reference)


def test_a_mean_whose_sum_overflows_is_refused() -> None:
    text = """
graph net scaled
%x: i16[1,300,300,1]{scale=f32(0.001)} = input
%y: i16[1,1]{scale=f32(0.001)} = reduce_mean(%x) axes=[1,2] keep_dimensions=false from "mean"
return %y
"""
    assert "mean (ReduceMean): sums within" in str(_refusal(text, "tflm"))
    for exact in ("onnx-spec", "ort-x86-vnni", "single-rounding"):
        select_arithmetic(parse_graph(text), load_profile(exact))


def test_a_bound_beyond_every_code_is_no_bound() -> None:
    text = _conv().replace(
        'from "block/conv"',
        "activation=clip(low=[f32(0.0)], high=[f32(3.4028235e+38)])",
    )
    for profile in ("tflm", "onnx-spec", "single-rounding"):
        lowered = select_arithmetic(parse_graph(text), load_profile(profile))
        ((_, op),) = lowered.nodes_of(fixed.Requantize)
        assert {(r.low, r.high) for r in op.requantizers} == {(0, 255)}
