# SPDX-License-Identifier: Apache-2.0
"""NEMO, as its integer-deployable stage states it: ratios of powers of two, rounded down."""

from fractions import Fraction

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidProfile
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


def power_of_two(least: Fraction) -> int:
    """2**ceil(log2(least)), for 1 or more."""
    power = 1
    while power < least:
        power *= 2
    return power


def requantized(value: int, real: Fraction, most: int | None = None) -> int:
    """``pact_integer_requantize``: torch rounds half to even, // rounds down."""
    divisor = power_of_two(32 / real)
    divisor = divisor if most is None else min(divisor, most)
    return value * round(divisor * real) // divisor


@pytest.mark.parametrize("element", ["i8", "u8"])
def test_an_activation_floors(element: str) -> None:
    w = np.array([[1, 0], [127, -3], [-57, 9], [90, 90]])
    # The last needs D = 2**26, of which 2**24 are left: its ratio has four bits, not six.
    scales = [0.5, 2.0**-4, 0.0123, 1.2 * 2.0**-21]
    bias = [5, -700, 41, 1 << 27]
    graph = dense(element, element, (0.25, scales, 0.5), (0, 0), w, ("i32", bias))
    x = codes_of(element, 2)
    found, totals = run(graph, "nemo", {"x": x})[0, 0], x[0, 0] @ w.T + np.array(bias)
    for channel, scale in enumerate(scales):
        real = Fraction(single(scale)) / 2
        scaled = np.array([requantized(int(t), real, 1 << 24) for t in totals[:, channel]])
        assert found[:, channel].tolist() == clipped(scaled, element).tolist()
        uncapped = [requantized(int(t), real) for t in totals[:, channel]]
        assert (scaled.tolist() != uncapped) == (channel == 3)


@pytest.mark.parametrize("scales", [*TRIPLES, (0.5, 0.25, 0.75)])
def test_every_sum_floors_once(scales: tuple[float, float, float]) -> None:
    """``pact_integer_requantize_add``: D comes from the operand of the smaller scale."""
    left, right = every_pair("u8")
    a, b, y = (Fraction(single(scale)) for scale in scales)
    divisor = power_of_two(32 * y / min(a, b))
    total = left * round(divisor * a / y) + right * round(divisor * b / y)
    expected = clipped(total // divisor, "u8")
    assert np.array_equal(run_pairs(pair("add", "u8", scales, (0, 0, 0)), "nemo", "u8"), expected)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_pool_floors(size: int) -> None:
    """``PACT_IntegerAvgPool2d``: floor(sum * round(D / n) / D)."""
    type = f"u8[1,SIDE,SIDE,4]{{scale=f32({single(0.03)!r})}}"
    given, result = type.replace("SIDE", str(size * 6)), type.replace("SIDE", "6")
    graph = graph_of(
        f"%x: {given} = input\n%y: {result} = average_pool2d(%x) kernel=[{size},{size}] "
        f"strides=[{size},{size}]\n"
    )
    x = np.random.default_rng(4).integers(0, 255, (1, size * 6, size * 6, 4), endpoint=True)
    sums = x.reshape(6, size, 6, size, 4).sum((1, 3))
    divisor = power_of_two(Fraction(32 * size * size))
    expected = sums * round(Fraction(divisor, size * size)) // divisor
    assert np.array_equal(run(graph, "nemo", {"x": x})[0], expected)


def test_codes_wider_than_8_bits_are_refused() -> None:
    graph = dense("i16", "i8", (0.25, [0.5], 0.5), (0, 0), np.array([[1]]))
    with pytest.raises(InvalidProfile, match="none for conv2d on i16 operands"):
        select_arithmetic(graph, load_profile("nemo"))
