# SPDX-License-Identifier: Apache-2.0
"""Minimums and maximums with constants become clamps; the ops before take them over."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.clamp_by_constants import clamp_by_constants
from intaglio.compiler.passes.fuse_clamps import fuse_clamps
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import DequantizedPair, PairFunction
from intaglio.numerics.quantize_method import QuantizeMethod
from tests.compiler.passes.equality import SETTINGS, assert_same_outputs, rewritten
from tests.simulator.compiled.comparing import assert_compiled_agrees

U8 = IntType(8, signed=False)


def fused(graph: Graph) -> Graph:
    return fuse_clamps(clamp_by_constants(graph))


def test_bounds_by_channel_join_the_requantizer_before() -> None:
    found = rewritten(
        fused,
        """
        graph example fixed
        %x: i16[1,2,3] = input
        %low: u8[3] = constant [0, 10, 20]
        %high: u8[1,1,3] = constant [200, 9, 255]
        %conv: u8[1,2,3] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=4, rounding=floor), zero_point=0,
                                      low=5, high=255)]
        %max: u8[1,2,3] = maximum(%low, %conv)
        %y: u8[1,2,3] = minimum(%max, %high) from "relu6"
        return %y
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i16[1,2,3] = input
        %y: u8[1,2,3] = requantize(%x)
            requantizers=3 * requantizer(scaling=shift(shift=4, rounding=floor), zero_point=0,
                                         low={5, 9, 20}, high={200, 9, 255}) from "relu6"
        return %y
        """)
    )


def test_a_bound_that_is_never_reached_goes() -> None:
    found = rewritten(
        fused,
        """
        graph example fixed
        %x: i16[1,2] = input
        %high: u8[1,2] = constant [100, 255]
        %y: u8[1,2] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=4, rounding=floor), zero_point=0,
                                      low=0, high=100)]
        %capped: u8[1,2] = minimum(%y, %high)
        %z: u9[1,2] = add(%capped, %capped)
        return %z
        """,
    )
    assert found == print_graph(
        parse_graph("""
        graph example fixed
        %x: i16[1,2] = input
        %y: u8[1,2] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=4, rounding=floor), zero_point=0,
                                      low=0, high=100)]
        %z: u9[1,2] = add(%y, %y)
        return %z
        """)
    )


def test_what_others_read_is_clamped_apart() -> None:
    found = rewritten(
        fused,
        """
        graph example fixed
        %x: i8[1,2] = input
        %high: i8[2] = constant [7, -200]
        %y: i8[1,2] = requantize(%x)
            requantizers=[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0,
                                      low=-128, high=127)]
        %z: i8[1,2] = minimum(%y, %high)
        return %y, %z
        """.replace("-200", "-128"),
    )
    assert "%z: i8[1,2] = clamp(%y) low=[-128] high=[7, -128]" in found


def test_a_constant_outside_the_values_wins_always() -> None:
    found = rewritten(
        clamp_by_constants,
        """
        graph example fixed
        %x: u4[1,2] = input
        %far: i8[2] = constant [-100, 3]
        %near: i8[2] = constant [100, 3]
        %y: i8[1,2] = minimum(%x, %far)
        %z: i8[1,2] = maximum(%near, %x)
        return %y, %z
        """,
    )
    assert "%y: i8[1,2] = clamp(%x) low=[-100, 0] high=[-100, 3]" in found
    assert "%z: i8[1,2] = clamp(%x) low=[100, 3] high=[100, 15]" in found


@pytest.mark.parametrize(
    ("x", "k", "op"),
    [
        ("i8[2,2]", "i8[2,1] = constant [1, 2]", "minimum"),
        ("i8[2,2]", "i8[2,2] = constant [1, 2, 3, 4]", "maximum"),
        ("i8[1,2]", "i8[2,2] = constant [1, 2, 1, 2]", "minimum"),
        ("i8[2,1]", "i8[2] = constant [1, 2]", "minimum"),
    ],
)
def test_constants_that_vary_otherwise_or_widen_stay(x: str, k: str, op: str) -> None:
    shape = "[2,2]"
    text = f"""
        graph example fixed
        %x: {x} = input
        %k: {k}
        %y: i8{shape} = {op}(%x, %k)
        return %y
    """
    assert f"= {op}(%x, %k)" in rewritten(clamp_by_constants, text)


def test_a_constant_that_repeats_along_other_axes_is_one_by_channel() -> None:
    found = rewritten(
        clamp_by_constants,
        """
        graph example fixed
        %x: i8[2,2] = input
        %k: i8[2,2] = constant [1, 2, 1, 2]
        %one: i8[1,1] = constant [5]
        %y: i8[2,2] = minimum(%x, %k)
        %z: i8[2,2] = minimum(%y, %one)
        return %z
        """,
    )
    assert "clamp(%x) low=[-128] high=[1, 2]" in found
    assert "clamp(%y) low=[-128] high=[5]" in found


def dequantized(pair: DequantizedPair, bounds: tuple[int, ...], *, first: bool) -> Graph:
    """Every code in every channel, and the bounds by channel."""
    builder = Builder("example", Level.FIXED)
    shape = (256, len(bounds))
    x = builder.input("x", TensorType(U8, shape))
    array = np.array(bounds, dtype=np.uint8)
    k = builder.constant("k", TensorType(U8, (len(bounds),)), array)
    operands = [k, x] if first else [x, k]
    y = builder.node("y", TensorType(U8, shape), fixed.Pairwise(pair), operands)
    return builder.finish([y], ["y"])


SCALES = st.floats(2.0**-60, 2.0**60, width=32).map(Float32.from_value)
CODES = st.integers(0, 255)


@SETTINGS
@given(
    function=st.sampled_from([PairFunction.MINIMUM, PairFunction.MAXIMUM]),
    method=st.sampled_from(list(QuantizeMethod)),
    scale=SCALES,
    zero=CODES,
    ends=st.tuples(CODES, CODES),
    bounds=st.lists(CODES, min_size=1, max_size=3),
    first=st.booleans(),
)
def test_dequantized_codes_of_one_scale(
    function: PairFunction,
    method: QuantizeMethod,
    scale: Float32,
    zero: int,
    ends: tuple[int, int],
    bounds: list[int],
    first: bool,
) -> None:
    pair = DequantizedPair(
        function, scale, zero, scale, zero, scale, zero, min(ends), max(ends), method
    )
    graph = dequantized(pair, tuple(bounds), first=first)
    codes = np.arange(256, dtype=np.uint8)[:, None]
    after = clamp_by_constants(graph)
    assert [type(node.op) for node in after.nodes] == [fixed.Clamp]
    assert_same_outputs(graph, after, {"x": np.broadcast_to(codes, (256, len(bounds)))})


WIDE_CODES = st.integers(0, 65535)


@SETTINGS
@given(
    scale=SCALES,
    method=st.sampled_from(list(QuantizeMethod)),
    zero=WIDE_CODES,
    bound=WIDE_CODES,
    codes=st.lists(WIDE_CODES, min_size=1, max_size=20),
)
def test_sixteen_bits_are_told_apart(
    scale: Float32, method: QuantizeMethod, zero: int, bound: int, codes: list[int]
) -> None:
    wide = TensorType(IntType(16, signed=False), (len(codes),))
    pair = DequantizedPair(
        PairFunction.MINIMUM, scale, zero, scale, zero, scale, zero, 0, 65535, method
    )
    builder = Builder("example", Level.FIXED)
    x = builder.input("x", wide)
    one = TensorType(IntType(16, signed=False), (1,))
    k = builder.constant("k", one, np.array([bound], dtype=np.uint16))
    graph = builder.finish([builder.node("y", wide, fixed.Pairwise(pair), [x, k])], ["y"])
    after = clamp_by_constants(graph)
    assert [type(node.op) for node in after.nodes] == [fixed.Clamp]
    assert_same_outputs(graph, after, {"x": np.array(codes, dtype=np.uint16)})


SAME = DequantizedPair(
    PairFunction.MINIMUM, Float32.from_value(0.5), 3, Float32.from_value(0.5), 3,
    Float32.from_value(0.5), 3, 0, 255,
)  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        replace(SAME, right_scale=Float32.from_value(0.25)),
        replace(SAME, output_scale=Float32.from_value(1.0)),
        replace(SAME, left_zero_point=2),
        replace(SAME, function=PairFunction.ADD),
        replace(SAME, left_zero_point=2**18, right_zero_point=2**18, zero_point=2**18),
        replace(
            SAME,
            left_scale=Float32.from_value(2.0**-140),
            right_scale=Float32.from_value(2.0**-140),
            output_scale=Float32.from_value(2.0**-140),
        ),
    ],
)
def test_other_functions_of_dequantized_codes_stay(other: DequantizedPair) -> None:
    graph = dequantized(other, (7, 9), first=False)
    assert print_graph(clamp_by_constants(graph)) == print_graph(graph)


def test_every_engine_clamps_by_channel_behind_a_convolution() -> None:
    graph = fused(
        parse_graph("""
        graph example fixed
        %x: u8[1,4,4,2] = input
        %w: i8[40,1,1,2] = constant WEIGHTS
        %high: u8[1,1,1,40] = constant BOUNDS
        %sum: i18[1,4,4,40] = conv2d(%x, %w) accumulator=accumulator(type=i18)
        %conv: u8[1,4,4,40] = requantize(%sum)
            requantizers=[requantizer(scaling=multiply_shift(multiplier=1234567890, shift=36,
            rounding=half-toward-positive), zero_point=20, low=0, high=255)]
        %y: u8[1,4,4,40] = minimum(%conv, %high)
        return %y
        """.replace("WEIGHTS", str([(7 * i) % 255 - 127 for i in range(80)]))
        .replace("BOUNDS", str([(11 * i) % 256 for i in range(40)])))
    )  # fmt: skip
    (requantize,) = (node.op for node in graph.nodes if isinstance(node.op, fixed.Requantize))
    assert len(requantize.requantizers) == 40
    inputs = {"x": np.random.default_rng(0).integers(0, 256, (1, 4, 4, 2)).astype(np.uint8)}
    assert_compiled_agrees(graph, inputs)
