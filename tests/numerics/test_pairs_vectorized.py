# SPDX-License-Identifier: Apache-2.0
"""The array twins of the two-input arithmetics equal their definitions on every pair."""

from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.errors import InvalidData
from intaglio.numerics import (
    DoubleRounding,
    Float32,
    MultiplyShift,
    Requantizer,
    Rounding,
    float32,
)
from intaglio.numerics.float_codes import round_float32, to_codes, to_float32
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    PairFunction,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.pairs_vectorized import apply_pair
from intaglio.numerics.quantize_method import QuantizeMethod

U8 = np.arange(256, dtype=np.uint8)
HALF_AWAY = Rounding.HALF_AWAY_FROM_ZERO


def f32(value: float) -> Float32:
    return Float32.from_value(value)


DEQUANTIZED: dict[str, PairArithmetic] = {
    f"dequantized {function.value}, {method.value}": DequantizedPair(
        function, f32(0.5), 128, f32(0.25), 7, f32(0.375), 3, 0, 255, method
    )
    for function in PairFunction
    for method in QuantizeMethod
}
ARITHMETICS: dict[str, PairArithmetic] = DEQUANTIZED | {
    "rescaled": RescaledSum(
        128,
        3,
        20,
        DoubleRounding(1 << 30, 0, HALF_AWAY),
        DoubleRounding(1518500250, -2, HALF_AWAY),
        Requantizer(DoubleRounding(1 << 30, -19, HALF_AWAY), 5, 0, 255),
        subtract=True,
    ),
    "shared shift": SharedShiftSum(
        1 << 20, -741455, 1 << 19, 20, Rounding.HALF_TOWARD_POSITIVE, 7, 0, 255
    ),
    "rational": RationalSum(128, 128, 3, 5, 16, Rounding.HALF_EVEN, 100, 0, 255),
    "fused multiply-add": FusedMultiplyAddSum(f32(0.5), f32(0.25), f32(-3.5), 0, 255),
    "fused multiply-add, uneven": FusedMultiplyAddSum(f32(0.7), f32(1 / 3), f32(-30.1), 0, 255),
}


@pytest.mark.parametrize("name", ARITHMETICS)
def test_every_pair_of_bytes(name: str) -> None:
    arithmetic = ARITHMETICS[name]
    found = apply_pair(arithmetic, U8[:, np.newaxis], U8)
    expected = [[arithmetic.apply(a, b) for b in range(256)] for a in range(256)]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 30


WIDE: list[PairArithmetic] = [
    SharedShiftSum((1 << 40) + 1, -(1 << 40), 5, 45, Rounding.HALF_EVEN, 0, -(1 << 40), 1 << 40),
    SharedShiftSum(3, -5, 1 << 70, 66, Rounding.FLOOR, 0, -(1 << 60), 1 << 60),
    RationalSum(1, -1, (1 << 50) + 1, -7, 3**30, Rounding.HALF_EVEN, 0, -(1 << 60), 1 << 60),
    RationalSum(0, 0, 1, 1, -3, Rounding.CEIL, 0, -(1 << 60), 1 << 60),
    RescaledSum(
        1,
        2,
        20,
        MultiplyShift((1 << 30) + 7, 30, Rounding.HALF_EVEN),
        MultiplyShift(5, 3, Rounding.FLOOR),
        Requantizer(MultiplyShift(3, 20, Rounding.CEIL), 0, -(1 << 60), 1 << 60),
    ),
    DequantizedPair(
        PairFunction.MULTIPLY, f32(0.1), 3, f32(7.3), -4, f32(1e25), 1, -(1 << 62), (1 << 63) - 1
    ),
    FusedMultiplyAddSum(f32(0.1), f32(-0.7), f32(1e6), -(1 << 63), (1 << 63) - 1),
]


@pytest.mark.parametrize("arithmetic", WIDE)
def test_operands_and_constants_beyond_machine_words(arithmetic: PairArithmetic) -> None:
    random = Random(7)
    for bits in (8, 24, 31, 40, 63):
        ends = [-(1 << bits), (1 << bits) - 1, 0]
        left, right = (
            ends + [random.randrange(-(1 << bits), 1 << bits) for _ in range(200)] for _ in range(2)
        )
        found = apply_pair(arithmetic, np.array(left), np.array(right))
        expected = [arithmetic.apply(a, b) for a, b in zip(left, right, strict=True)]
        assert found.tolist() == expected


def test_a_float32_overflow_is_refused_as_by_the_definition() -> None:
    pair = DequantizedPair(PairFunction.ADD, f32(3e38), 0, f32(1.0), 0, f32(1.0), 0, 0, 255)
    assert apply_pair(pair, np.array([1]), np.array([0])).tolist() == [pair.apply(1, 0)]
    with pytest.raises(InvalidData, match="largest finite"):
        pair.apply(2, 0)
    with pytest.raises(InvalidData, match="largest finite"):
        apply_pair(pair, np.array([2]), np.array([0]))


def floats_of(bits: list[int]) -> NDArray[np.float32]:
    return np.array(bits, dtype=np.uint32).view(np.float32)


@pytest.mark.parametrize("mode", Rounding)
def test_round_float32(mode: Rounding) -> None:
    random = Random(3)
    bits = [random.randrange(1 << 32) for _ in range(3000)]
    halves = [f32(n / 2).bits for n in range(-40, 41)]
    beside = [b + d for b in halves for d in (-1, 1) if 0 <= b + d < 1 << 32]
    finite = [b for b in (*bits, *halves, *beside) if b >> 23 & 255 != 255]
    expected = [float32.round_to_integer(Float32(b), mode) for b in finite]
    assert [int(value) for value in round_float32(floats_of(finite), mode)] == expected
    for zero_point, low, high in ((3, 0, 255), (-(1 << 60), -(1 << 63), (1 << 64) - 1)):
        codes = to_codes(floats_of(finite), mode, zero_point, low, high)
        assert codes.tolist() == [min(max(e + zero_point, low), high) for e in expected]


def test_infinities_go_to_the_ends() -> None:
    ends = np.array([np.inf, -np.inf], dtype=np.float32)
    assert to_codes(ends, Rounding.HALF_EVEN, 9, 0, 255).tolist() == [255, 0]
    wide = to_codes(ends, Rounding.HALF_EVEN, 9, -(1 << 63), (1 << 64) - 1)
    assert wide.tolist() == [(1 << 64) - 1, -(1 << 63)]


def test_integers_become_floats_with_one_rounding() -> None:
    # Through float64 the second would be rounded twice, to a tie and then to even.
    values = [(1 << 63) - 1, (1 << 60) + (1 << 36) + 1, -(1 << 64), 16777217]
    expected = [Float32.from_integer(value).value for value in values]
    assert to_float32(np.array(values, dtype=object)).tolist() == expected
    assert to_float32(np.array(values[:2])).tolist() == expected[:2]
