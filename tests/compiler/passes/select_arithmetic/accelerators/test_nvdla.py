# SPDX-License-Identifier: Apache-2.0
"""NVDLA, as its C model states it: CACC, the converter of SDP, and the pools of PDP."""

from fractions import Fraction

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.profile import load_profile
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    TRIPLES,
    clipped,
    codes_of,
    dense,
    every_pair,
    graph_of,
    pair,
    run,
    run_pairs,
    single,
)


def saturated(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def shift_right_away(value: int, shift: int) -> int:
    """AC_RND_INF."""
    half = (1 << shift) >> 1
    return (value + half) >> shift if value >= 0 else -((-value + half) >> shift)


def converter(value: int, offset: int, scale: int, truncate: int) -> int:
    """``NV_NVDLA_SDP_CORE_c`` for int8: 33 bits, 49 bits, 17 bits, 8 bits."""
    product = (saturated(value, 32) - offset) * scale
    assert saturated(product, 49) == product
    return saturated(saturated(shift_right_away(product, truncate), 17), 8)


def registers(real: Fraction) -> tuple[int, int]:
    """A scale of 15 bits and a sign, and a shift of at most 63."""
    shift = 0
    while shift < 63 and real * (1 << (shift + 1)) + Fraction(1, 2) < 1 << 15:
        shift += 1
    return int(real * (1 << shift) + Fraction(1, 2)), shift


@pytest.mark.parametrize(("zero", "least"), [(0, 2.0**-60), (9, 2.0**-20)])
def test_sums_are_converted(zero: int, least: float) -> None:
    w = np.array([[1, -3], [57, 127], [-128, -127], [90, 0], [127, 127]])
    scales = [2.0**-3, 0.0123, 0.00031, 2.0**-1, least]
    bias = [-3, 70000, (1 << 31) - 1, -(1 << 31), 0]
    graph = dense("i8", "i8", (0.5, scales, 0.25), (-4, zero), w, ("i32", bias))
    x = codes_of("i8", 2)
    found = run(graph, "nvdla", {"x": x})[0, 0]
    totals = (x[0, 0] + 4) @ w.T + np.array(bias)
    assert (np.abs(totals) > 1 << 31).any()
    for channel, scale in enumerate(scales):
        real = Fraction(single(scale)) * 2
        multiplier, shift = registers(real)
        expected = [
            converter(int(total), -round(zero / real), multiplier, shift)
            for total in totals[:, channel]
        ]
        assert found[:, channel].tolist() == expected


def test_sums_saturate_with_each_addition_in_48_bits() -> None:
    graph = select_arithmetic(
        dense("i8", "i8", (0.5, [0.25], 0.25), (0, 0), np.array([[1, -3]])), load_profile("nvdla")
    )
    ((_, op),) = graph.nodes_of(fixed.Conv2d)
    assert op.accumulator.type.bits == 48
    assert op.accumulator.overflow is Overflow.SATURATE_EACH_ADD


def test_a_scale_beyond_16_bits_is_refused_with_its_field() -> None:
    graph = dense("i8", "i8", (0.5, [2.0**17], 0.25), (0, 0), np.array([[1]]))
    with pytest.raises(UnsupportedModel, match="multiplier_bits"):
        select_arithmetic(graph, load_profile("nvdla"))


@pytest.mark.parametrize("scales", TRIPLES)
def test_every_sum(scales: tuple[float, float, float]) -> None:
    """Both operands at one shift; of equal scales, that of the sum's converter."""
    left, right = every_pair("i8")
    a, b, y = (Fraction(single(scale)) for scale in scales)
    larger = max(a, b) / y
    shift = 0
    while larger * (1 << (shift + 1)) < 1 << 15:
        shift += 1
    first, second = (round(ratio / y * (1 << shift)) for ratio in (a, b))
    total = left * first + right * second
    table = {int(t): shift_right_away(int(t), shift) for t in np.unique(total)}
    expected = clipped(np.vectorize(table.__getitem__)(total), "i8")
    assert np.array_equal(run_pairs(pair("add", "i8", scales, (0, 0, 0)), "nvdla", "i8"), expected)


@pytest.mark.parametrize("kernel", [(1, 2), (2, 2), (2, 3), (3, 3), (6, 2), (7, 7)])
def test_pools_take_a_reciprocal_for_each_side(kernel: tuple[int, int]) -> None:
    reciprocals = [0x10000, 0x8000, 0x5555, 0x4000, 0x3333, 0x2AAA, 0x2492, 0x2000]
    height, width = kernel
    count = height * width
    totals = range(-128 * count, 127 * count + 1, 1 if count < 12 else 5)
    parts = [divmod(total, count) for total in totals]
    windows = np.array([[low + (at < extra) for at in range(count)] for low, extra in parts])
    x = windows.reshape(1, len(parts) * height, width, 1)
    type = f"i8[1,ROWS,COLUMNS,1]{{scale=f32({single(0.0437)!r})}}"
    given = type.replace("ROWS", str(x.shape[1])).replace("COLUMNS", str(width))
    result = type.replace("ROWS", str(len(parts))).replace("COLUMNS", "1")
    graph = graph_of(
        f"%x: {given} = input\n%y: {result} = average_pool2d(%x) kernel=[{height},{width}] "
        f"strides=[{height},{width}]\n"
    )
    by_width = [shift_right_away(t * reciprocals[width - 1], 16) for t in totals]
    expected = [shift_right_away(t * reciprocals[height - 1], 16) for t in by_width]
    assert run(graph, "nvdla", {"x": x})[0, :, 0, 0].tolist() == expected
