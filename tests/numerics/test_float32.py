# SPDX-License-Identifier: Apache-2.0
"""Float arithmetic in integers against the machine's IEEE floats and against exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import Float32, Float64, Rounding, float32, fused_multiply_add_array
from intaglio.numerics.rounding import round_fraction

LARGEST = 0x7F7FFFFF
SMALLEST = 1
ONE = 0x3F800000


def bits_of_fields(sign: int, exponent: int, fraction: int) -> int:
    return sign << 31 | exponent << 23 | fraction


def finite_bits32() -> st.SearchStrategy[int]:
    exponents = st.integers(0, 254) | st.integers(120, 135)
    return st.builds(
        bits_of_fields,
        st.integers(0, 1),
        exponents,
        st.integers(0, 2**23 - 1) | st.sampled_from([0, 1, 2**22, 2**23 - 1]),
    )


floats32 = st.builds(Float32, finite_bits32())
floats64 = st.builds(Float64.from_value, st.floats(allow_nan=False, allow_infinity=False))


def as_numpy(number: Float32) -> np.float32:
    return np.uint32(number.bits).view(np.float32)


def bits_of(value: np.float32) -> int:
    return int(value.view(np.uint32))


@given(floats32, floats32)
@example(Float32(SMALLEST), Float32(0x3F000000))
@example(Float32(0x80000000), Float32(0x80000000))
@example(Float32(LARGEST), Float32(LARGEST))
@example(Float32(ONE), Float32(0xBF800000))
def test_operations_equal_the_machine(a: Float32, b: Float32) -> None:
    x, y = as_numpy(a), as_numpy(b)
    with np.errstate(all="ignore"):
        expected = {
            float32.add: np.add(x, y),
            float32.subtract: np.subtract(x, y),
            float32.multiply: np.multiply(x, y),
            float32.divide: np.divide(x, y),
        }
    for operation, result in expected.items():
        if np.isfinite(result):
            assert operation(a, b).bits == bits_of(result)
        else:
            with pytest.raises((InvalidData, InvalidOption)):
                operation(a, b)


@given(floats64, floats64)
def test_double_operations_equal_the_machine(a: Float64, b: Float64) -> None:
    results = [(float32.add, a.value + b.value), (float32.multiply, a.value * b.value)]
    results.append((float32.subtract, a.value - b.value))
    if b.value:
        results.append((float32.divide, a.value / b.value))
    for operation, result in results:
        if math.isfinite(result):
            assert operation(a, b) == Float64.from_value(result)


@given(floats32, floats32, floats32)
def test_fused_multiply_add_is_the_rounded_exact_sum(a: Float32, b: Float32, c: Float32) -> None:
    exact = a.fraction * b.fraction + c.fraction
    try:
        expected = Float32.from_fraction(exact)
    except InvalidData:
        with pytest.raises(InvalidData):
            float32.fused_multiply_add(a, b, c)
        return
    result = float32.fused_multiply_add(a, b, c)
    if exact:
        assert result == expected
    else:
        assert result.value == 0.0


def double_rounding_cases() -> list[tuple[Float32, Float32, Float32]]:
    """Sums that float64 rounds to a float32 tie, though the exact sum lies beside it.

    ``(2**23 + d) * (2**24 - 2*d) = 2**47 - 2*d**2`` is nearly half a unit in the last place of
    ``c = 2**48 * k`` with 24 bits of ``k``; what is missing is too little for 53 bits.
    """
    cases: list[tuple[Float32, Float32, Float32]] = []
    for d in (1, 2, 3, 100):
        for k in (2**23, 2**23 + 1, 2**24 - 2, 2**24 - 1):
            for sign_a in (1, -1):
                for sign_c in (1, -1):
                    a = Fraction(sign_a * (2**23 + d), 2**30)
                    b = Fraction(2**24 - 2 * d, 2**40)
                    c = Fraction(sign_c * k * 2**48, 2**70)
                    triple = [Float32.from_fraction(value) for value in (a, b, c)]
                    cases.append((triple[0], triple[1], triple[2]))
    return cases


def random_cases(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Operands whose exponents are close enough for every kind of rounding to occur."""
    random = np.random.default_rng(2)
    a, b = (random.standard_normal(count).astype(np.float32) for _ in range(2))
    product = a.astype(np.float64) * b
    scale = 2.0 ** random.integers(-50, 50, count)
    c = (-product * np.where(random.random(count) < 0.3, 1.0, scale)).astype(np.float32)
    return a, b, c


def test_fused_multiply_add_twin() -> None:
    a, b, c = random_cases(10_000)
    cases = double_rounding_cases()
    a = np.append(a, [as_numpy(case[0]) for case in cases]).astype(np.float32)
    b = np.append(b, [as_numpy(case[1]) for case in cases]).astype(np.float32)
    c = np.append(c, [as_numpy(case[2]) for case in cases]).astype(np.float32)
    fused = fused_multiply_add_array(a, b, c)
    once_in_double = (a.astype(np.float64) * b + c).astype(np.float32)
    assert (fused != once_in_double).sum() >= 16, "too few cases need the rounding to odd"
    for i in range(len(a)):
        operands = (Float32(bits_of(v)) for v in (a[i], b[i], c[i]))
        assert float32.fused_multiply_add(*operands).bits == bits_of(fused[i])


@given(st.lists(st.tuples(finite_bits32(), finite_bits32(), finite_bits32()), min_size=1))
def test_fused_multiply_add_twin_on_any_bits(triples: list[tuple[int, int, int]]) -> None:
    for triple in triples:
        a, b, c = (np.array([bits], dtype=np.uint32).view(np.float32) for bits in triple)
        operands = [Float32(bits) for bits in triple]
        try:
            expected = float32.fused_multiply_add(*operands)
        except InvalidData:
            with pytest.raises(InvalidData):
                fused_multiply_add_array(a, b, c)
            continue
        assert bits_of(fused_multiply_add_array(a, b, c)[0]) == expected.bits


@given(floats32)
def test_conversions_are_lossless(number: Float32) -> None:
    assert Float32.from_value(number.value) == number
    assert Float32.parse(str(number)) == number
    if number.value:
        assert Float32.from_fraction(number.fraction) == number
    assert Fraction(number.value) == number.fraction


@given(floats64)
def test_double_conversions_are_lossless(number: Float64) -> None:
    assert Float64.parse(str(number)) == number
    assert Fraction(number.value) == number.fraction


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_from_value_rounds_as_the_machine(value: float) -> None:
    with np.errstate(over="ignore"):
        expected = np.float64(value).astype(np.float32)
    if np.isfinite(expected):
        assert Float32.from_value(value).bits == bits_of(expected)
    else:
        with pytest.raises(InvalidData, match="beyond the largest finite value"):
            Float32.from_value(value)


@given(finite_bits32().filter(lambda bits: bits & 0x7FFFFFFF < LARGEST), st.integers(-2, 2))
def test_from_fraction_rounds_ties_to_even(bits: int, nudge: int) -> None:
    """Between two neighbours: at the tie, and a little beside it, subnormals included."""
    low, high = Float32(bits), Float32(bits + 1)
    gap = high.fraction - low.fraction
    value = low.fraction + gap / 2 + nudge * gap / 2**80
    even = low if bits % 2 == 0 else high
    expected = {0: even}.get(nudge, high if nudge > 0 else low)
    assert Float32.from_fraction(value) == expected


@pytest.mark.parametrize("value", [0, 1, 2**24, 2**24 + 1, 2**24 + 3, 2**25 + 2, -(2**63), 10**30])
def test_from_integer(value: int) -> None:
    assert float32.from_integer(value).value == float(np.float32(value))
    assert Float64.from_integer(value).value == float(value)


@given(floats32 | floats64, st.sampled_from(Rounding))
def test_round_to_integer(number: Float32 | Float64, mode: Rounding) -> None:
    assert float32.round_to_integer(number, mode) == round_fraction(number.fraction, mode)


def test_edges() -> None:
    assert Float32.from_fraction(Fraction(1, 2**150)).bits == 0  # a tie with zero, which is even
    assert Float32.from_fraction(Fraction(3, 2**151)).bits == SMALLEST
    assert str(Float32(SMALLEST)) == "1e-45"
    assert Float32.parse("-0").bits == 0x80000000
    assert Float32.from_fraction(Fraction((2**25 - 1) * 2**103) - Fraction(1, 9)).bits == LARGEST
    with pytest.raises(InvalidData):
        Float32.from_fraction(Fraction((2**25 - 1) * 2**103))


@pytest.mark.parametrize("bits", [-1, 2**32, 0x7F800000, 0xFF800000, 0x7FC00000])
def test_bits_that_are_no_number_are_refused(bits: int) -> None:
    with pytest.raises(InvalidOption, match="float32 bits"):
        Float32(bits)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InvalidData, match="expected a finite value"):
        Float32.from_value(value)


@pytest.mark.parametrize("text", ["", "x", "nan", "1/0"])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="is not a decimal number"):
        Float32.parse(text)
