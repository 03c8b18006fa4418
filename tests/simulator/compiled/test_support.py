# SPDX-License-Identifier: Apache-2.0
"""What the compiled engine refuses: the list may only shrink."""

import pytest

from intaglio.compiler.pipeline import lower
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import load_profile, profile_names
from intaglio.simulator.compiled import Program, unsupported
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.text_cases import fixed_graph

WIDE = """
%x: i64[4] = input
%y: i8[4] = requantize(%x) requantizers=[requantizer(scaling=multiply_shift(\
multiplier=36893488147419103231, shift=62, rounding=half-even), zero_point=0, low=-128, high=127)]
""".replace("\\\n", "")


def test_a_product_beyond_two_words_is_refused_by_name() -> None:
    graph = fixed_graph(WIDE)
    assert unsupported(graph) == ("y (y): found a product of 129 bits, expected at most 127",)
    with pytest.raises(UnsupportedModel, match="Simulate with the vectorized engine"):
        Program(graph)


def test_a_float_tail_is_no_obstacle() -> None:
    graph = fixed_graph(
        """
        %x: i8[4] = input
        %r: f32[4] = dequantize(%x) scale=f32(0.5) zero_point=0
        %y: f32[4] = float32_softmax(%r) axis=0
        """
    )
    assert unsupported(graph) == ()


def test_every_op_is_supported() -> None:

    for name in profile_names():
        assert unsupported(lower(scaled_graph(), load_profile(name))) == ()
