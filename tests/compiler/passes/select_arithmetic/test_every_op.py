# SPDX-License-Identifier: Apache-2.0
"""One small scaled graph with every op, under every profile: golden text, and all engines agree."""

import re

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.profile import load_profile, profile_names
from tests.golden_files import Golden
from tests.simulator.engines import assert_engines_agree

# Scales are powers of two, so that ties are everywhere and pow2-half-up can take part.
TEXT = """
graph every_op scaled
%image: f32[1,4,4,2] = input
%w: i8[3,3,3,2]{axis=0, scale=[f32(0.0625), f32(0.03125), f32(0.125)]} = constant [WEIGHTS]
%b: i32[3]{axis=0, scale=[f32(0.00390625), f32(0.001953125), f32(0.0078125)]} = constant [9, -80, 7]
%wt: i8[2,2,2,3]{scale=f32(0.125)} = constant [TRANSPOSED]
%slope: i8[3]{scale=f32(0.0625)} = constant [3, -2, 5]
%wf: i8[3,2]{scale=f32(0.0625)} = constant [5, -7, 9, 11, -13, 3]
%x: u8[1,4,4,2]{scale=f32(0.0625), zero_point=7} = quantize(%image)
%conv: u8[1,4,4,3]{scale=f32(0.125), zero_point=3} = conv2d(%x, %w, %b) pads=[1,1,1,1] ACTIVATION
%leaky: u8[1,4,4,3]{scale=f32(0.125), zero_point=9} = unary(%conv) function=leaky-relu \
alpha=f32(0.125)
%prelu: u8[1,4,4,3]{scale=f32(0.25), zero_point=9} = prelu(%leaky, %slope)
%sum: u8[1,4,4,3]{scale=f32(0.5), zero_point=11} = add(%prelu, %conv)
%difference: u8[1,4,4,3]{scale=f32(0.25), zero_point=101} = subtract(%sum, %conv)
%product: u8[1,4,4,3]{scale=f32(0.25), zero_point=101} = multiply(%difference, %conv)
%lower: u8[1,4,4,3]{scale=f32(0.25), zero_point=101} = minimum(%product, %difference)
%upper: u8[1,4,4,3]{scale=f32(0.5), zero_point=51} = maximum(%lower, %sum)
%sigmoid: u8[1,4,4,3]{scale=f32(0.00390625)} = unary(%upper) function=sigmoid
%swish: u8[1,4,4,3]{scale=f32(0.0625), zero_point=13} = unary(%upper) function=hard-swish
%same: u8[1,4,4,3]{scale=f32(0.0625), zero_point=13} = requantize(%sigmoid)
%steps: u8[1,4,4,3]{scale=f32(0.0625), zero_point=13} = float32_steps(%same) \
steps=[apply(function=multiply, constants=[f32(8.0), f32(-6.5), f32(0.3)]), \
round_to(mode=half-away-from-zero), apply(function=add, constants=[f32(13.0)])] \
factors=[f32(2.0), f32(0.1), f32(3.0)]
%joined: u8[1,8,4,3]{scale=f32(0.0625), zero_point=13} = concat(%swish, %steps) axis=1
%padded: u8[1,8,6,3]{scale=f32(0.0625), zero_point=13} = pad(%joined) before=[0,0,1,0] \
after=[0,0,1,0] value=13
%maximum: u8[1,4,3,3]{scale=f32(0.0625), zero_point=13} = max_pool2d(%padded) kernel=[2,2] \
strides=[2,2]
%average: u8[1,4,3,3]{scale=f32(0.0625), zero_point=13} = average_pool2d(%maximum) kernel=[3,3] \
pads=[1,1,1,1]
%counted: u8[1,4,3,3]{scale=f32(0.125), zero_point=15} = average_pool2d(%average) kernel=[3,3] \
pads=[1,1,1,1] count_padding=true
%nearest: u8[1,2,6,3]{scale=f32(0.125), zero_point=15} = resize_nearest(%counted) rows=[0,2] \
columns=[0,0,1,1,2,2]
%linear: u8[1,4,6,3]{scale=f32(0.125), zero_point=15} = resize_linear(%nearest) half_pixel=true \
align_corners=false
%up: u8[1,8,12,2]{scale=f32(0.5), zero_point=100} = conv_transpose2d(%linear, %wt) strides=[2,2]
%sliced: u8[1,4,12,2]{scale=f32(0.5), zero_point=100} = slice(%up) starts=[0,7,0,0] steps=[1,-2,1,1]
%turned: u8[1,2,4,12]{scale=f32(0.5), zero_point=100} = transpose(%sliced) permutation=[0,3,1,2]
%means: u8[1,2]{scale=f32(0.5), zero_point=100} = reduce_mean(%turned) axes=[2,3] \
keep_dimensions=false
%flat: u8[2,1]{scale=f32(0.5), zero_point=100} = reshape(%means)
%read: u8[2,1]{scale=f32(0.5), zero_point=100} = reinterpret(%flat)
%total: u8[1,2]{scale=f32(4.0), zero_point=90} = reduce_sum(%turned) axes=[2,3] \
keep_dimensions=false
%spread: u8[1,2]{scale=f32(16.0), zero_point=3} = squared_difference(%total, %means)
%inverse: u8[1,2]{scale=f32(0.0078125), zero_point=5} = unary(%spread) function=rsqrt
%most: i32[1,4,4]{scale=f32(1.0)} = arg_max(%leaky) axis=3 keep_dimensions=false
%least: i64[1,1,4,3]{scale=f32(1.0)} = arg_min(%leaky) axis=1 keep_dimensions=true last=true
%outer: u8[2,2]{scale=f32(4.0), zero_point=90} = mat_mul(%read, %means)
%pool: u8[1,3]{scale=f32(0.125), zero_point=15} = reduce_mean(%counted) axes=[1,2] \
keep_dimensions=false global_pool=true
%dense: u8[1,2]{scale=f32(0.125), zero_point=77} = fully_connected(%pool, %wf)
%chances: u8[1,2]{scale=f32(0.00390625)} = softmax(%dense) axis=1
%real: f32[1,2] = dequantize(%chances)
%twice: f32[1,2] = float32_binary(%real, %real) function=add
%again: f32[1,2] = float32_softmax(%twice) axis=1
return %outer, %again, %inverse, %most, %least
"""


# Most profiles have no formula for these.
OF_FEW_PROFILES = {scaled.L2Normalization, scaled.LogSoftmax}


def scaled_graph(activation: str = "", element: str = "u8") -> Graph:
    weights = ", ".join(str((13 * i * i + 7 * i) % 255 - 127) for i in range(54))
    transposed = ", ".join(str((29 * i * i + 3 * i) % 201 - 100) for i in range(24))
    text = TEXT.replace("WEIGHTS", weights).replace("TRANSPOSED", transposed)
    text = text.replace("ACTIVATION", activation).replace("u8", element)
    graph = parse_graph(text.replace("\\\n", ""))
    check(graph)
    return graph


def test_the_graph_has_every_scaled_op() -> None:
    used = {type(node.op) for node in scaled_graph().nodes}
    from typing import get_args

    every = {member for union in get_args(scaled.Op) for member in get_args(union) or (union,)}
    assert used == every - OF_FEW_PROFILES


@pytest.mark.parametrize("name", profile_names())
def test_lowers_to(name: str, golden: Golden) -> None:
    assert print_graph(_lowered(name)) == golden


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize(
    "activation",
    [
        "",
        "activation=clip(low=[f32(0.0)], high=[f32(6.0)])",
        "activation=clip(low=[f32(-1.0)], high=[f32(3.0), f32(4.5), f32(1.0625)])",
    ],
)
def test_engines_agree(name: str, activation: str) -> None:
    graph = _lowered(name, activation)
    rng = np.random.default_rng(5)
    for spread in (1.0, 16.0):
        image = rng.normal(0, spread, (1, 4, 4, 2)).astype(np.float32)
        assert_engines_agree(graph, {"image": image})


def _lowered(name: str, activation: str = "") -> Graph:
    graph = scaled_graph(activation)
    if name in ("tflm", "litert-ref-1.3"):
        # The fixed-point softmax ends at int8 -128 or uint8 0, as the graph has it.
        assert re.search("softmax", print_graph(graph))
    lowered = select_arithmetic(graph, load_profile(name))
    check(lowered)
    return lowered
