# SPDX-License-Identifier: Apache-2.0
"""Each float32 operation rounds apart: a product contracted with a sum would show.

fl32(1/3) is a little more than a third.  15 times it rounds to 5 exactly, and 5 - 4.5 is a tie,
which goes to the even 0.  In one fused operation the sum stays above the tie, and goes to 1.
"""

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.simulator.compiled import loading
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.text_cases import fixed_graph

SCALED = """
%x: i32[40] = input
%y: i8[40] = requantize(%x) requantizers=[requantizer(scaling=float32_multiply_add(\
factor=f32(0.33333334), addend=f32(-4.5)), zero_point=0, low=-128, high=127)]
"""
PAIR = """
%x: i16[40] = input
%z: i8[40] = constant [ONES]
%y: i8[40] = pairwise(%x, %z) arithmetic=dequantized_pair(function=add, \
left_scale=f32(0.33333334), left_zero_point=0, right_scale=f32(0.5), right_zero_point=0, \
output_scale=f32(1.0), zero_point=0, low=-128, high=127)
""".replace("ONES", ", ".join(["-9"] * 40))
AVERAGE = """
%x: i16[1,1,2,20] = input
%y: i8[1,1,1,20] = average_pool2d(%x) arithmetic=float32_average(input_scale=f32(0.33333334), \
input_zero_point=0, output_scale=f32(0.5), output_zero_point=0, low=-128, high=127) kernel=[1, 2]
"""


def graph_of(text: str) -> Graph:
    return fixed_graph(text.replace("\\\n", ""))


@pytest.mark.parametrize("instructions", [None, Instructions.PORTABLE])
@pytest.mark.parametrize("text", [SCALED, PAIR])
def test_a_product_rounds_before_it_is_added(
    text: str, instructions: Instructions | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(instructions))
    graph = graph_of(text)
    x = np.full(40, 15, graph.inputs[0].type.integer.dtype)
    assert not assert_compiled_agrees(graph, {"x": x})["y"].any()


@pytest.mark.parametrize("instructions", [None, Instructions.PORTABLE])
def test_averages_agree(instructions: Instructions | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(instructions))
    rng = np.random.default_rng(1)
    for spread in (4, 40, 4000):
        x = rng.integers(-spread, spread, (1, 1, 2, 20)).astype(np.int16)
        assert_compiled_agrees(graph_of(AVERAGE), {"x": x})
