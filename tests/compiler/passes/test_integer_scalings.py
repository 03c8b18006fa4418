# SPDX-License-Identifier: Apache-2.0
"""Float scalings become integer ones where a channel's accumulators can't tell them apart."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.integer_scalings import integer_scalings
from intaglio.numerics.float32 import Float32
from intaglio.numerics.scalings import Float32Multiply, MultiplyShift, Scaling
from tests.compiler.passes.equality import assert_same_outputs

REQUANTIZER = (
    "requantizer(scaling=float32_multiply(factor=f32({})), zero_point=-3, low=-128, high=127)"
)


def product(factors: list[float]) -> Graph:
    """Two columns of weights; the first sum is small, the second large."""
    given = ", ".join(REQUANTIZER.format(Float32.from_value(factor)) for factor in factors)
    return parse_graph(f"""
    graph example fixed
    %x: i8[64,2] = input
    %w: i8[2,2] = constant [1, 127, 2, -128]
    %b: i32[2] = constant [5, -7]
    %sum: i32[64,2] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i32)
    %y: i8[64,2] = requantize(%sum) requantizers=[{given}]
    return %y
    """)


def scalings(graph: Graph) -> list[Scaling]:
    op = graph.nodes[-1].op
    assert isinstance(op, fixed.Requantize)
    return [each.scaling for each in op.requantizers]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(2**-12, 2, width=32), min_size=1, max_size=2), st.integers(0, 2**32))
def test_every_output_stays(factors: list[float], seed: int) -> None:
    graph = product(factors)
    x = np.random.default_rng(seed).integers(-128, 128, (64, 2)).astype(np.int8)
    x[:4] = [[-128, -128], [127, 127], [-128, 127], [127, -128]]
    assert_same_outputs(graph, integer_scalings(graph), {"x": x})


def test_each_channel_is_searched_on_what_it_can_reach() -> None:
    # Of these factors some have no multiplier on the second channel's 65,000 accumulators.
    pairs = (
        scalings(integer_scalings(product([factor, factor])))
        for factor in (0.00411 + n / 2**16 for n in range(600))
    )
    first, second = next(pair for pair in pairs if isinstance(pair[1], Float32Multiply))
    assert isinstance(first, MultiplyShift)
    assert isinstance(second, Float32Multiply)


def test_integer_scalings_are_left() -> None:
    graph = parse_graph("""
    graph example fixed
    %x: i32[1,2] = input
    %y: i8[1,2] = requantize(%x) requantizers=[requantizer(scaling=shift(shift=3, rounding=floor),
        zero_point=0, low=-128, high=127)]
    return %y
    """)
    assert integer_scalings(graph) == graph


def test_averages_too() -> None:
    one = REQUANTIZER.format(0.5)
    graph = parse_graph(f"""
    graph example fixed
    %x: i8[1,2,2,1] = input
    %y: i8[1,2,2,1] = average_pool2d(%x) arithmetic=requantized_sum(by_count=[{one}, {one}, {one},
        {one}], input_zero_point=3) kernel=[2, 2] pads=[0, 0, 1, 1]
    return %y
    """)
    found = integer_scalings(graph)
    assert found != graph
    assert "float32" not in str(found.nodes[0].op).lower()
    x = np.random.default_rng(0).integers(-128, 128, (1, 2, 2, 1)).astype(np.int8)
    assert_same_outputs(graph, found, {"x": x})
