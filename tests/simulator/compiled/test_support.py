# SPDX-License-Identifier: Apache-2.0
"""What the compiled engine refuses: the list may only shrink."""

import pytest

from intaglio.compiler.pipeline import lower
from intaglio.compiler.targets.tvm.unsupported import Limit, problems
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import load_profile, profile_names
from intaglio.simulator.compiled import Program, unsupported
from intaglio.simulator.compiled.loading import load
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.golden_files import Golden
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


WIDE_SUM = """
%x: i64[1,4] = input
%w: i64[4,1] = input
%y: i64[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i64)
"""

WIDE_AVERAGE = """
%x: i64[1,2,1,1] = input
%y: i8[1,1,1,1] = average_pool2d(%x) kernel=[2,1] arithmetic=requantized_sum(input_zero_point=0, \
by_count=2 * requantizer(scaling=multiply_shift(multiplier=18446744073709551615, shift=62, \
rounding=half-even), zero_point=0, low=-128, high=127))
""".replace("\\\n", "")

FLOAT_TAIL = """
%x: i8[4] = input
%r: f32[4] = dequantize(%x) scale=f32(0.5) zero_point=0
%y: f32[4] = float32_softmax(%r) axis=0
"""

TRAP = """
%x: i8[1,4] = input
%w: i8[4,1] = input
%y: i8[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i8, overflow=trap)
"""

WITNESSES = {
    Limit.FLOAT32_SOFTMAX: FLOAT_TAIL,
    Limit.WIDE_PRODUCT: WIDE,
    Limit.TRAP: TRAP,
    Limit.WIDE_SUM: WIDE_SUM,
}


def test_the_list_of_limits_is_the_committed_one(golden: Golden) -> None:
    """May only shrink: a limit more is a network less."""
    lines = [
        f"{limit.value}: {'refused' if unsupported(fixed_graph(witness)) else 'served'} by the "
        "engine, refused in an object"
        for limit, witness in WITNESSES.items()
    ]
    assert "\n".join(lines) == golden


@pytest.mark.parametrize("limit", Limit)
def test_every_limit_has_a_graph_that_exceeds_it(limit: Limit) -> None:
    assert [found for found, _ in problems(fixed_graph(WITNESSES[limit]))] == [limit]


@pytest.mark.parametrize(("text", "bits"), [(WIDE_SUM, 130), (WIDE_AVERAGE, 129)])
def test_what_the_kernels_find_too_wide_is_foretold(text: str, bits: int) -> None:
    graph = fixed_graph(text)
    assert unsupported(graph) == (f"y: found {bits} bits, expected at most 128",)
    with pytest.raises(UnsupportedModel, match=f"found {bits} bits"):
        load(graph)


def test_a_wide_sum_before_a_float_tail_is_refused() -> None:
    text = (
        WIDE_SUM.replace("%y", "%s") + "%y: f32[1,1] = dequantize(%s) scale=f32(0.5) zero_point=0"
    )
    assert unsupported(fixed_graph(text)) == ("s: found 130 bits, expected at most 128",)


def test_a_float_tail_is_no_obstacle() -> None:
    assert unsupported(fixed_graph(FLOAT_TAIL)) == ()


def test_every_op_is_supported() -> None:

    for name in profile_names():
        assert unsupported(lower(scaled_graph(), load_profile(name))) == ()
