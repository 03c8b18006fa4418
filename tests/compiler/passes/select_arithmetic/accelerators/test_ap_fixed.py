# SPDX-License-Identifier: Apache-2.0
"""ap_fixed<W, I, Q, O>: every rounding with every overflow, on every value of a wide sum."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import Profile, load_profile
from intaglio.numerics.profile.rules import ContractionRule
from intaglio.numerics.profile.schemes import (
    CastOverflow,
    FixedPointCastScheme,
    Rescale,
    ScaleProduct,
)
from intaglio.numerics.rounding import Rounding
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    Codes,
    codes_of,
    dense,
    every_pair,
    pair,
    run,
    run_pairs,
)

HALF = Fraction(1, 2)


def sign(value: Fraction) -> int:
    return -1 if value < 0 else 1


QUANTIZATION: dict[str, tuple[Rounding, Callable[[Fraction], int]]] = {
    "AP_TRN": (Rounding.FLOOR, floor),
    "AP_TRN_ZERO": (Rounding.TOWARD_ZERO, int),
    "AP_RND": (Rounding.HALF_TOWARD_POSITIVE, lambda v: floor(v + HALF)),
    "AP_RND_ZERO": (Rounding.HALF_TOWARD_ZERO, lambda v: sign(v) * ceil(abs(v) - HALF)),
    "AP_RND_INF": (Rounding.HALF_AWAY_FROM_ZERO, lambda v: sign(v) * floor(abs(v) + HALF)),
    "AP_RND_MIN_INF": (Rounding.HALF_TOWARD_NEGATIVE, lambda v: ceil(v - HALF)),
    "AP_RND_CONV": (Rounding.HALF_EVEN, round),
}


def overflowed(value: int, bits: int, mode: str) -> int:
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    match mode:
        case "AP_WRAP":
            return (value - least) % (1 << bits) + least
        case "AP_SAT":
            return max(least, min(most, value))
        case "AP_SAT_SYM":
            return max(-most, min(most, value))
        case _:
            return value if least <= value <= most else 0


OVERFLOW = {
    "AP_WRAP": CastOverflow.WRAP,
    "AP_SAT": CastOverflow.SATURATE,
    "AP_SAT_SYM": CastOverflow.SATURATE_SYMMETRIC,
    "AP_SAT_ZERO": CastOverflow.ZERO,
}


def casting(rounding: Rounding, overflow: CastOverflow) -> Profile:
    scheme = FixedPointCastScheme(rounding, overflow)
    rule = ContractionRule(Rescale(ScaleProduct.EXACT, scheme), accumulator_bits=64)
    return replace(load_profile("ap-fixed"), contraction=(rule,))


# 1/2, 1/8, 1/64 and 4 of a sum; in the second the products stay within the type.
SHIFTS = [1, 3, 6, -2]
W = np.array([[3], [1], [-77], [5]])


@pytest.mark.parametrize("quantization", QUANTIZATION)
def test_every_cast(quantization: str) -> None:
    rounding, rounded = QUANTIZATION[quantization]
    scales = [2.0**-shift for shift in SHIFTS]
    graph = dense("i8", "i6", (1.0, scales, 1.0), (0, 0), W)
    x = codes_of("i8", 1)
    totals: Codes = x[0, 0] @ W.T
    for name, overflow in OVERFLOW.items():
        found = run(graph, casting(rounding, overflow), {"x": x})[0, 0]
        for channel, shift in enumerate(SHIFTS):
            values = [rounded(int(t) * Fraction(2) ** -shift) for t in totals[:, channel]]
            expected = [overflowed(value, 6, name) for value in values]
            assert found[:, channel].tolist() == expected, name


def test_an_activation_clamps_behind_the_cast() -> None:
    activation = "activation=clip(low=[f32(0.0)], high=[f32(6.0)])"
    graph = dense("i8", "i6", (1.0, [0.5], 1.0), (0, 0), np.array([[3]]), activation=activation)
    x = codes_of("i8", 1)
    values = [floor(Fraction(3 * int(t), 2)) for t in x[0, 0, :, 0]]
    for name, overflow in OVERFLOW.items():
        found = run(graph, casting(Rounding.FLOOR, overflow), {"x": x})[0, 0, :, 0]
        expected = [max(0, min(6, overflowed(value, 6, name))) for value in values]
        assert found.tolist() == expected, name


def test_the_shipped_cast_is_that_of_quantizers() -> None:
    graph = dense("i8", "i8", (1.0, [2.0**-4], 1.0), (0, 0), np.array([[127]]))
    x = codes_of("i8", 1)
    expected = [max(-128, min(127, round(Fraction(127 * int(t), 16)))) for t in x[0, 0, :, 0]]
    assert run(graph, "ap-fixed", {"x": x})[0, 0, :, 0].tolist() == expected


@pytest.mark.parametrize("scales", [(0.125, 0.0625, 0.25), (0.5, 0.5, 1.0), (4.0, 0.25, 0.5)])
def test_every_sum_is_cast_once(scales: tuple[float, float, float]) -> None:
    left, right = every_pair("i8")
    a, b, y = (Fraction(scale) for scale in scales)
    unit = min(a, b)
    total = left * int(a / unit) + right * int(b / unit)
    table = {int(t): max(-128, min(127, round(int(t) * unit / y))) for t in np.unique(total)}
    expected = np.vectorize(table.__getitem__)(total)
    found = run_pairs(pair("add", "i8", scales, (0, 0, 0)), "ap-fixed", "i8")
    assert np.array_equal(found, expected)


def test_what_a_cast_cannot_do_is_refused() -> None:
    uneven = dense("i8", "i8", (0.5, [0.3], 0.125), (0, 0), np.array([[5]]))
    with pytest.raises(UnsupportedModel, match=r"is not a power of two; .*--power-of-two"):
        select_arithmetic(uneven, load_profile("ap-fixed"))
    shifted = dense("i8", "i8", (0.5, [0.25], 0.125), (0, 7), np.array([[5]]))
    with pytest.raises(UnsupportedModel, match="isn't the 0 that stands for what overflows"):
        select_arithmetic(shifted, casting(Rounding.FLOOR, CastOverflow.ZERO))
