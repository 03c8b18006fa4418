# SPDX-License-Identifier: Apache-2.0
"""Deeploy, as its kernels state it: RequantShift in words of 32 bits, one log2D a node."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.derive import scaling
from intaglio.numerics.profile.schemes import MultiplyAddShiftScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyAddShift
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    codes_of,
    dense,
    every_pair,
    graph_of,
    pair,
    run,
    run_pairs,
    single,
)

I32 = IntType(32, signed=True)


def word(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def requant_shift(value: int, mul: int, add: int, log2d: int, zero: int) -> int:
    """``RequantShift_s32_s8_NHWC`` with rounding, statement by statement."""
    intermediate = word(value * mul + add)
    if log2d > 0:
        intermediate = word(intermediate + (1 << (log2d - 1)))
    return max(-128, min(127, (intermediate >> log2d) + zero))


W = np.array([[1, 0], [127, -3], [-57, 9], [90, 90]])
SCALES = [0.5, 2.0**-4, 0.0123, 0.0003]
BIAS = [5, -700, 41, 1000]


def layer(scales: list[float]) -> Graph:
    return dense("i8", "i8", (0.25, scales, 0.5), (3, -5), W, ("i32", BIAS))


def requantizers(graph: Graph) -> tuple[Requantizer, ...]:
    lowered = select_arithmetic(graph, load_profile("deeploy"))
    ((_, op),) = lowered.nodes_of(fixed.Requantize)
    return op.requantizers


def parameters(each: Requantizer) -> MultiplyAddShift:
    assert isinstance(each.scaling, MultiplyAddShift)
    return each.scaling


def test_a_layer_requantizes_in_32_bits() -> None:
    """The bias goes through the product: mul * bias is its share of add."""
    graph = layer(SCALES)
    x = codes_of("i8", 2)
    found, products = run(graph, "deeploy", {"x": x})[0, 0], (x[0, 0] - 3) @ W.T
    for channel, each in enumerate(requantizers(graph)):
        chosen = parameters(each)
        mul, add = chosen.multiplier, word(BIAS[channel] * chosen.multiplier)
        real = Fraction(single(SCALES[channel])) / 2
        assert mul == int(real * (1 << chosen.shift) + Fraction(1, 2))
        expected = [requant_shift(int(p), mul, add, chosen.shift, -5) for p in products[:, channel]]
        assert found[:, channel].tolist() == expected


def test_all_channels_share_one_shift() -> None:
    deeploy = load_profile("deeploy")
    (rule,) = deeploy.contraction
    scheme = rule.rescale.scheme
    assert isinstance(scheme, MultiplyAddShiftScheme)
    apart = replace(rule, rescale=replace(rule.rescale, scheme=replace(scheme, shared_shift=False)))
    lowered = select_arithmetic(layer(SCALES), replace(deeploy, contraction=(apart,)))
    ((_, op),) = lowered.nodes_of(fixed.Requantize)
    alone = [parameters(each).shift for each in op.requantizers]
    together = {parameters(each).shift for each in requantizers(layer(SCALES))}
    assert together == {min(alone)}
    assert len(set(alone)) > 1


def test_the_half_is_inside_the_word() -> None:
    """At the ends of 32 bits the half wraps the sum."""
    for each in requantizers(layer(SCALES)):
        chosen = parameters(each)
        edge = (I32.maximum - (1 << (chosen.shift - 1))) // chosen.multiplier
        around = [*range(edge - 20, edge + 20), I32.minimum, I32.maximum, 0, -1]
        for x in around:
            expected = requant_shift(x, chosen.multiplier, 0, chosen.shift, -5)
            assert each.apply(x) == expected
        assert {each.apply(x) == 127 for x in around[:40]} == {True, False}


def test_one_multiplier_for_all_channels_serves_the_largest_sums() -> None:
    scale, weights = f"f32({single(0.011)!r})", "1, 0, 127, 127"
    graph = graph_of(
        "%x: i8[1,1,256,2]{scale=f32(0.25), zero_point=3} = input\n"
        f"%w: i8[2,1,1,2]{{scale={scale}}} = constant [{weights}]\n"
        f"%b: i32[2]{{scale=f32({single(0.011) / 4!r})}} = constant [7, 900000]\n"
        "%y: i8[1,1,256,2]{scale=f32(64.0)} = conv2d(%x, %w, %b)\n"
    )
    x = codes_of("i8", 2)
    (each,) = requantizers(graph)
    chosen = parameters(each)
    totals = (x[0, 0] - 3) @ np.array([[1, 127], [0, 127]]) + np.array([7, 900000])
    found = run(graph, "deeploy", {"x": x})[0, 0]
    assert (np.abs(totals * chosen.multiplier) < 1 << 31).all()
    mul, log2d = chosen.multiplier, chosen.shift
    scaled = [[requant_shift(int(t), mul, 0, log2d, 0) for t in row] for row in totals]
    assert found.tolist() == scaled


def test_a_shift_that_leaves_nothing_of_a_scale_is_refused() -> None:
    scheme = MultiplyAddShiftScheme(31, Rounding.FLOOR, 32, half_in_sum=True, shift=2)
    with pytest.raises(InvalidOption, match="makes 0 of the multiplier"):
        scaling(scheme, Fraction(1, 100), Interval(-1000, 1000))


def test_a_channel_that_is_as_good_as_dead_is_multiplied_by_zero() -> None:
    lowered = requantizers(layer([0.5, 2.0**-4, 0.0123, 2.0**-40]))
    assert parameters(lowered[3]).multiplier == 0
    assert parameters(lowered[1]).multiplier > 0


@pytest.mark.parametrize("scales", [(0.125, 0.0625, 0.25), (0.0437, 0.0219, 0.0511)])
def test_every_sum(scales: tuple[float, float, float]) -> None:
    """Each operand by a RequantShift of its own, without clamp, then the sum's."""
    graph = pair("add", "i8", scales, (3, -7, 5))
    left, right = every_pair("i8")
    ratios = [Fraction(single(scale)) / Fraction(single(scales[2])) for scale in scales[:2]]
    tables: list[dict[int, int]] = []
    for ratio, zero in zip(ratios, (3, -7), strict=True):
        magnitude = 128 + abs(zero)
        shift = 0
        while shift < 62:
            mul = int(ratio * (1 << (shift + 1)) + Fraction(1, 2))
            if mul * magnitude.bit_length() >= 1 << 31 or mul.bit_length() > 31 - 8:
                break
            shift += 1
        mul = int(ratio * (1 << shift) + Fraction(1, 2))
        half = (1 << shift) >> 1
        tables.append({c: word((c - zero) * mul + half) >> shift for c in range(-128, 128)})
    first = np.vectorize(tables[0].__getitem__)(left)
    second = np.vectorize(tables[1].__getitem__)(right)
    expected = np.clip(first + second + 5, -128, 127)
    assert np.array_equal(run_pairs(graph, "deeploy", "i8"), expected)
