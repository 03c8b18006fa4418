# SPDX-License-Identifier: Apache-2.0
"""What LiteRT and TFLite Micro compute and their profiles have to keep, without running them.

The codes are those of ai-edge-litert 2.3.0, of 1.2.0, and of tflite-micro 0.dev20261023182759 on
x86-64; ``tests/peers`` compares with the programs themselves.
"""

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import load_profile
from tests.simulator.engines import assert_engines_agree

PROFILES = ("tflm", "litert-ref-1.2", "litert-ref-1.3", "litert-opt-x86", "litert-xnnpack-x86")

FALLING = """
graph falling scaled
%x: i8[1,8]{scale=f32(1.0)} = input
%y: i8[1,8]{scale=f32(1.0)} = unary(%x) function=leaky-relu alpha=f32(-0.5)
return %y
"""
WIDE = """
graph wide scaled
%x: i16[1,6]{scale=f32(0.0005)} = input
%y: i16[1,6]{scale=f32(0.000030517578125)} = OP
return %y
"""
RESIGNED = """
graph resigned scaled
%x: i8[1,4]{scale=f32(0.25)} = input
%y: TARGET[1,4]{scale=f32(1.0), zero_point=1} = requantize(%x)
return %y
"""
DEPTHWISE = """
graph depthwise scaled
%x: i8[1,1,1,9]{scale=f32(0.5)} = input
%w: i8[9,1,1,1]{scale=f32(0.5)} = constant [2, 2, 2, 2, 2, 2, 2, 2, 2]
%y: i8[1,1,1,9]{scale=f32(1.0)} = conv2d(%x, %w) groups=9
return %y
"""
PLANES = """
graph planes scaled
%x: i8[1,2,1,18]{scale=f32(0.5), zero_point=3} = input
%y: i8[1,1,1,18]{scale=f32(1.0)} = reduce_mean(%x) axes=[1,2] keep_dimensions=true
return %y
"""
REAL = """
graph real scaled
%x: i8[1,1]{scale=f32(0.1), zero_point=99} = input
%y: f32[1,1] = dequantize(%x)
return %y
"""


@pytest.mark.parametrize("profile", ["tflm", "litert-ref-1.3", "litert-opt-x86"])
def test_a_negative_slope_negates_what_the_positive_one_gives(profile: str) -> None:
    graph = select_arithmetic(parse_graph(FALLING), load_profile(profile))
    codes = np.arange(-8, 0, dtype=np.int8).reshape(1, -1)
    result = assert_engines_agree(graph, {"x": codes})[graph.outputs[0]]
    # -1 * -0.5 is a half that goes down to 0: -SRDHM(-1, +0.5), where SRDHM(-1, -0.5) is 1.
    assert result.tolist() == [[4, 3, 3, 2, 2, 1, 1, 0]]


def test_a_negative_slope_is_a_negative_multiplier_in_older_kernels() -> None:
    graph = select_arithmetic(parse_graph(FALLING), load_profile("litert-ref-1.2"))
    codes = np.arange(-8, 0, dtype=np.int8).reshape(1, -1)
    result = assert_engines_agree(graph, {"x": codes})[graph.outputs[0]]
    assert result.tolist() == [[4, 4, 3, 3, 2, 2, 1, 1]]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("unary(%x) function=sigmoid", [1, 2486, 16699, 26790, 26793, 32767]),
        ("unary(%x) function=tanh", [-32767, -32329, 1261, 29660, 29663, 32767]),
        ("softmax(%x) axis=1", [2, 2, 2, 2, 2, 32757]),
    ],
)
def test_interpolated_tables_of_int16(profile: str, op: str, expected: list[int]) -> None:
    text = WIDE.replace("OP", op)
    graph = select_arithmetic(parse_graph(text), load_profile(profile))
    codes = np.array([[-32768, -5000, 77, 3000, 3001, 32767]], np.int16)
    result = assert_engines_agree(graph, {"x": codes})[graph.outputs[0]]
    assert result.tolist() == [expected]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("f32(0.000030517578125)", "f32(0.00003)"), "a result of scale 3e-05"),
        (("f32(0.0005)", "f32(0.0005), zero_point=3"), "zero points 3 and 0"),
        (("%y: i16", "%y: i8"), "i16 and a result of i8"),
        (("f32(0.0005)", "f32(3.0)"), "the scale 3.0"),
    ],
)
def test_what_the_tables_of_int16_cant_take_is_refused(
    profile: str, change: tuple[str, str], found: str
) -> None:
    text = WIDE.replace("OP", "unary(%x) function=sigmoid").replace(*change)
    with pytest.raises(UnsupportedModel, match=found):
        select_arithmetic(parse_graph(text), load_profile(profile))


def test_optimized_kernels_have_formulas_of_their_own_at_powers_of_two() -> None:
    text = WIDE.replace("OP", "unary(%x) function=tanh").replace("0.0005", "0.00048828125")
    codes = np.array([[-32768, -5000, -1, 1, 300, 20000]], np.int16)
    found = {}
    for name in ("litert-ref-1.3", "litert-xnnpack-x86"):
        graph = select_arithmetic(parse_graph(text), load_profile(name))
        found[name] = assert_engines_agree(graph, {"x": codes})[graph.outputs[0]].tolist()
    assert found["litert-ref-1.3"] == [[-32767, -32275, -16, 16, 4766, 32767]]
    assert found["litert-xnnpack-x86"] == [[-32767, -32280, -24, 24, 4768, 32767]]


@pytest.mark.parametrize(
    ("target", "scaling"),
    [
        ("i8", "multiply_shift(multiplier=64, shift=8, rounding=half-toward-positive)"),
        ("u8", "double_rounding(multiplier=1073741824, shift=-1, ties=half-toward-positive)"),
    ],
)
def test_xnnpack_requantizes_to_the_same_sign_alone(target: str, scaling: str) -> None:
    text = RESIGNED.replace("TARGET", target)
    graph = select_arithmetic(parse_graph(text), load_profile("litert-xnnpack-x86"))
    assert scaling in print_graph(graph)


def test_channels_behind_the_last_whole_vector_round_away() -> None:
    """A product of -3/8: SRDHM gives -3 * 2**28 / 2**28, and the shift by two -0.75 or -1."""
    graph = select_arithmetic(parse_graph(DEPTHWISE), load_profile("litert-opt-x86"))
    codes = np.full((1, 1, 1, 9), -3, np.int8)
    result = assert_engines_agree(graph, {"x": codes})[graph.outputs[0]]
    assert result.ravel().tolist() == [-1] * 8 + [-2]


def test_a_mean_over_planes_joins_its_zero_points() -> None:
    """-7 / 4: SRDHM by 1/2 gives -3, a half that 16 channels take up; away(3 / 2) = 2 goes off."""
    graph = select_arithmetic(parse_graph(PLANES), load_profile("litert-opt-x86"))
    codes = np.stack([np.full(18, 3), np.full(18, 4)]).astype(np.int8).reshape(1, 2, 1, 18)
    result = assert_engines_agree(graph, {"x": -codes})[graph.outputs[0]]
    assert result.ravel().tolist() == [-3] * 16 + [-4] * 2


def test_optimized_kernels_multiply_before_they_add_the_zero_point() -> None:
    graph = select_arithmetic(parse_graph(REAL), load_profile("litert-opt-x86"))
    result = assert_engines_agree(graph, {"x": np.array([[101]], np.int8)})[graph.outputs[0]]
    scale = np.float32(0.1)
    assert result[0, 0] == np.float32(101) * scale + np.float32(-99) * scale
    assert result[0, 0] != np.float32(2) * scale
