# SPDX-License-Identifier: Apache-2.0
"""Array twins equal ``apply``: 100,000 random cases of every class, ties and ends of words."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import (
    DoubleRounding,
    Float32,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64,
    Float64Multiply,
    Int16Multiply,
    IntegerArray,
    Interval,
    IntType,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Requantizer,
    Rounding,
    Scaling,
    Shift,
    Thresholds,
    TosaScale,
    apply_requantizers,
    apply_scalings,
    prepare,
)

Generator = np.random.Generator
I8 = IntType(8, True)
MODES = list(Rounding)
AWAY, UP = Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_TOWARD_POSITIVE


def integer(random: Generator, low: int, high: int) -> int:
    """An integer of ``[low, high]``, both ends included, each magnitude as likely as another."""
    value = int(random.integers(low, high, endpoint=True))
    return value >> int(random.integers(0, max(abs(value).bit_length(), 1)))


def mode_of(random: Generator) -> Rounding:
    return MODES[int(random.integers(len(MODES)))]


def scale32(random: Generator) -> Float32:
    if random.random() < 0.3:
        return Float32.from_fraction(Fraction(2) ** -int(random.integers(0, 24)))
    return Float32.from_value(float(random.standard_normal() * 2.0 ** random.integers(-20, 2)))


def multiply_shift(random: Generator) -> Scaling:
    bits = int(random.integers(1, 32))
    multiplier = integer(random, -(2**bits) + 1, 2**bits - 1)
    return MultiplyShift(multiplier, int(random.integers(0, 63)), mode_of(random))


def normalised(random: Generator) -> int:
    """A 31-bit multiplier, often a power of two: those make ties."""
    return 2**30 if random.random() < 0.3 else int(random.integers(2**30, 2**31))


def double_rounding(random: Generator) -> Scaling:
    ties = AWAY if random.random() < 0.5 else UP
    if random.random() < 0.1:
        multiplier = -(2**31) if random.random() < 0.5 else integer(random, -(2**31), 2**31 - 1)
        return DoubleRounding(multiplier, int(random.integers(-31, 32)), ties)
    return DoubleRounding(normalised(random), int(random.integers(-20, 3)), ties)


def int16_multiply(random: Generator) -> Scaling:
    return Int16Multiply(normalised(random), int(random.integers(-31, 8)))


def float32_multiply(random: Generator) -> Scaling:
    return Float32Multiply(scale32(random))


def float32_multiply_add(random: Generator) -> Scaling:
    rounding = (Rounding.HALF_EVEN, Rounding.HALF_AWAY_FROM_ZERO)[int(random.integers(2))]
    addend = Float32.from_value(integer(random, -510, 510) / 2)
    return Float32MultiplyAdd(scale32(random), addend, rounding)


def float64_multiply(random: Generator) -> Scaling:
    if random.random() < 0.3:
        return Float64Multiply(Float64.from_value(2.0 ** -float(random.integers(0, 24))))
    return Float64Multiply(
        Float64.from_value(float(random.standard_normal() * 2.0 ** random.integers(-20, 2)))
    )


def multiply_add_shift(random: Generator) -> Scaling:
    words = (None, IntType(32, True), IntType(24, True), IntType(16, False), IntType(64, False))
    return MultiplyAddShift(
        integer(random, -(2**15), 2**15),
        integer(random, -(2**31), 2**31),
        int(random.integers(0, 32)),
        mode_of(random),
        words[int(random.integers(len(words)))],
    )


def shift(random: Generator) -> Scaling:
    return Shift(int(random.integers(-8, 40)), mode_of(random))


def tosa_scale(random: Generator) -> Scaling:
    return TosaScale(normalised(random), int(random.integers(2, 63)), bool(random.random() < 0.5))


def rational_multiply(random: Generator) -> Scaling:
    if random.random() < 0.5:
        numerator, denominator = integer(random, -9, 9), integer(random, 1, 99)
    else:
        numerator, denominator = integer(random, -(2**48), 2**48), integer(random, 1, 2**62)
    return RationalMultiply(numerator, max(denominator, 1), mode_of(random))


def threshold_list(random: Generator) -> Scaling:
    values = sorted(integer(random, -(2**20), 2**20) for _ in range(int(random.integers(0, 40))))
    return Thresholds(tuple(values), bool(random.random() < 0.3))


MAKERS: list[Callable[[Generator], Scaling]] = [
    multiply_shift,
    double_rounding,
    int16_multiply,
    float32_multiply,
    float32_multiply_add,
    float64_multiply,
    multiply_add_shift,
    shift,
    tosa_scale,
    rational_multiply,
    threshold_list,
]


def accumulators(random: Generator, shape: tuple[int, ...]) -> IntegerArray:
    """Int32 of every magnitude, with the ends of the word, small odd numbers and zeros."""
    values = random.integers(-(2**31), 2**31, shape) >> random.integers(0, 32, shape)
    special = np.array([-(2**31), 2**31 - 1, -1, 0, 1, -3, 3, 2**30, -(2**30)])
    chosen = random.random(shape) < 0.1
    return np.where(chosen, random.choice(special, shape), values).astype(np.int32)


def expected(requantizers: Sequence[Requantizer], x: IntegerArray) -> list[list[int]]:
    columns = [
        [requantizer.apply(value) for value in column]
        for requantizer, column in zip(requantizers, x.T.tolist(), strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("make", MAKERS)
def test_100_000_cases(make: Callable[[Generator], Scaling]) -> None:
    random = np.random.default_rng(7)
    channels, rows = 200, 500
    requantizers = [
        Requantizer(make(random), integer(random, -128, 127), -128, 127) for _ in range(channels)
    ]
    x = accumulators(random, (rows, channels))
    codes = apply_requantizers(requantizers, x, I8)
    assert codes.dtype == np.int8
    assert codes.tolist() == expected(requantizers, x)


@pytest.mark.parametrize("make", MAKERS)
def test_scalings_without_clamp(make: Callable[[Generator], Scaling]) -> None:
    random = np.random.default_rng(8)
    scalings = [make(random) for _ in range(60)]
    x = accumulators(random, (40, 60)) >> 8
    result = apply_scalings(scalings, x)
    assert result.dtype == np.int64
    for channel, scaling in enumerate(scalings):
        column: list[int] = x[:, channel].tolist()
        assert result[:, channel].tolist() == [scaling.apply(value) for value in column]


@pytest.mark.parametrize("make", MAKERS)
def test_64_bit_accumulators(make: Callable[[Generator], Scaling]) -> None:
    """Products beyond 64 bits: two words, or the definition, never an overflow."""
    random = np.random.default_rng(9)
    scalings = [make(random) for _ in range(50)]
    requantizers = [Requantizer(scaling, 3, -(2**15), 2**15 - 1) for scaling in scalings]
    for bits in (40, 47, 62, 63):
        x = random.integers(-(2**bits), 2**bits - 1, (30, 50), endpoint=True)
        x[0], x[1] = -(2**bits), 2**bits - 1
        codes = apply_requantizers(requantizers, x, IntType(16, True))
        assert codes.tolist() == expected(requantizers, x)


@pytest.mark.parametrize("mode", Rounding)
def test_every_mode_on_every_tie(mode: Rounding) -> None:
    x = np.arange(-2000, 2001)
    for scaling in (
        Shift(3, mode),
        MultiplyShift(-5, 4, mode),
        RationalMultiply(1, 6, mode),
        RationalMultiply(-3, 10, mode),
        RationalMultiply(3, 4, mode),
        MultiplyAddShift(3, -17, 3, mode, IntType(12, True)),
    ):
        result = apply_scalings([scaling], x)
        assert result.tolist() == [scaling.apply(value) for value in range(-2000, 2001)]


@pytest.mark.parametrize("mode", Rounding)
def test_wide_products_on_ties(mode: Rounding) -> None:
    """Sums of two words just around ties, at every shift that two words serve."""
    multiplier = 2**31 - 1
    for shift_by in range(30, 63):
        scaling = MultiplyShift(multiplier, shift_by, mode)
        near = [(k << shift_by) // multiplier // 2 for k in (-5, -3, -1, 1, 3, 5, 2**20 + 1)]
        values = [v + nudge for v in near for nudge in (-1, 0, 1)]
        values += [-(2**62), 2**62, -(2**46), 1 << 46]
        values = [v for v in values if abs(v) < 2**63]
        power = MultiplyShift(2**30, shift_by, mode)
        for each in (scaling, power):
            result = apply_scalings([each], np.array(values, dtype=np.int64) >> 1)
            assert result.tolist() == [each.apply(v >> 1) for v in values]


def near_tie(random: Generator, x: int, mode: Rounding) -> RationalMultiply:
    """``x * numerator`` within a few units of a multiple of half of a 60-bit denominator."""
    denominator = int(random.integers(2**58, 2**60))
    halves = int(random.integers(-400, 400))
    numerator = halves * denominator // (2 * x) + int(random.integers(-1, 2))
    return RationalMultiply(numerator, denominator, mode)


@pytest.mark.parametrize("mode", Rounding)
def test_rationals_that_float64_cannot_tell_from_ties(mode: Rounding) -> None:
    random = np.random.default_rng(13)
    first = random.integers(1, 2**17, 300)
    values: list[int] = first.tolist()
    scalings = [near_tie(random, value, mode) for value in values]
    requantizers = [Requantizer(scaling, 1, -128, 127) for scaling in scalings]
    x = np.stack([first, -first, np.zeros_like(first), first + 1]).astype(np.int32)
    codes = apply_requantizers(requantizers, x, I8)
    assert codes.tolist() == expected(requantizers, x)


@pytest.mark.parametrize("mode", Rounding)
def test_exact_ties_that_float64_misses(mode: Rounding) -> None:
    """``37 / 106`` of an odd multiple of 53 is a tie; its float64 product often lies beside it."""
    odd = np.random.default_rng(14).integers(-(10**6), 10**6, 2000) * 2 + 1
    scaling = RationalMultiply(37, 106, mode)
    accumulators: list[int] = (odd * 53).tolist()
    assert any(x * (37 / 106) % 1 != 0.5 for x in accumulators)
    result = apply_scalings([scaling], odd * 53)
    assert result.tolist() == [scaling.apply(x) for x in accumulators]


def test_doubles_just_below_a_half() -> None:
    below = Float64Multiply(Float64.from_value(float(np.nextafter(0.5, 0.0))))
    one = Float64Multiply(Float64.from_value(1.0))
    for scaling, values in (
        (below, [-3, -1, 0, 1, 3, 5, 7, 2**30 + 1]),
        (one, [2**52 + 1, -(2**52) - 1, 2**53 - 1, 2**51 + 1]),
    ):
        result = apply_scalings([scaling], np.array(values, dtype=np.int64))
        assert result.tolist() == [scaling.apply(value) for value in values]


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64", "object"]
)
def test_input_types(dtype: str) -> None:
    random = np.random.default_rng(10)
    held = np.iinfo(np.int64 if dtype == "object" else dtype)
    values = random.integers(held.min, held.max, (20, 11), dtype=held.dtype, endpoint=True)
    values[0], values[1] = held.min, held.max
    x = values.astype(dtype)
    requantizers = [Requantizer(make(random), -7, -128, 127) for make in MAKERS]
    codes = apply_requantizers(requantizers, x, I8)
    assert codes.tolist() == expected(requantizers, values.astype(object))


def test_python_ints_beyond_64_bits() -> None:
    x = np.array([2**80, -(2**80), 2**64, 5], dtype=object)
    requantizer = Requantizer(MultiplyShift(3, 70, Rounding.HALF_EVEN), 0, -(2**20), 2**20)
    assert apply_requantizers([requantizer], x).tolist() == [3072, -3072, 0, 0]


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3, 5), (1, 16384), (16385,), (3, 0, 4)])
def test_shapes_of_one_requantizer(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(11)
    x = accumulators(random, shape)
    for make in MAKERS:
        requantizer = Requantizer(make(random), 1, -128, 127)
        codes = apply_requantizers([requantizer], x, I8)
        assert codes.shape == shape
        sample: list[int] = x.reshape(-1)[:50].tolist()
        assert codes.reshape(-1)[:50].tolist() == [requantizer.apply(value) for value in sample]


@pytest.mark.parametrize("channels", [2, 3, 1000, 20_000])
def test_blocks_of_any_number_of_channels(channels: int) -> None:
    random = np.random.default_rng(12)
    kinds = [multiply_shift(random), double_rounding(random), rational_multiply(random)]
    requantizers = [
        Requantizer(kinds[channel % 3], channel % 5, -128, 127) for channel in range(channels)
    ]
    rows = 40_000 // channels + 2
    x = accumulators(random, (rows, channels))
    codes = apply_requantizers(requantizers, x, I8)
    for row in (0, rows // 2, rows - 1):
        line: list[int] = x[row].tolist()
        assert codes[row].tolist() == [
            r.apply(value) for r, value in zip(requantizers, line, strict=True)
        ]


def test_views_are_read_and_inputs_kept() -> None:
    x = np.arange(-60, 60, dtype=np.int32).reshape(10, 12)
    before = x.copy()
    requantizer = Requantizer(RationalMultiply(1, 3, AWAY), 0, -128, 127)
    for view in (x.T, x[::2, ::3], x[::-1], np.broadcast_to(x[0], (3, 12))):
        codes = apply_requantizers([requantizer], view, I8)
        assert codes.tolist() == [[requantizer.apply(v) for v in row] for row in view.tolist()]
    assert (x == before).all()


def test_wide_codes() -> None:
    """Clamps that no float32 holds, and unsigned 64-bit codes."""
    x = np.array([-(2**31), -5, 0, 7, 2**31 - 1], dtype=np.int64)
    values: list[int] = x.tolist()
    wide = Requantizer(Float32Multiply(Float32.from_value(1.5)), 2**24 + 1, -(2**40), 2**40 + 1)
    assert apply_requantizers([wide], x).tolist() == [wide.apply(v) for v in values]
    for end in (2**23 + 1, 2**24 + 1, 2**25 + 3, 2**31 - 1, 2**53 + 1):
        for scale in (Float32Multiply(Float32.from_value(0.75)), RationalMultiply(5, 3, UP)):
            odd = Requantizer(scale, 5, -end, end)
            assert apply_requantizers([odd], x).tolist() == [odd.apply(v) for v in values]
    unsigned = Requantizer(Shift(-33, UP), 0, 0, 2**64 - 1)
    codes = apply_requantizers([unsigned], x, IntType(64, False))
    assert codes.tolist() == [unsigned.apply(v) for v in values]


def test_a_promised_interval_chooses_the_kernel() -> None:
    x = np.array([100, -100], dtype=np.int64)
    scaling = MultiplyShift(2**31 - 1, 38, UP)
    assert apply_scalings([scaling], x, Interval(-100, 100)).tolist() == [1, -1]
    assert apply_scalings([scaling], x, Interval(-(2**62), 2**62)).tolist() == [1, -1]


def test_results_beyond_64_bits_are_refused() -> None:
    x = np.array([1, 2**40], dtype=np.int64)
    for scaling in (Shift(-40, UP), RationalMultiply(2**40, 3, UP), MultiplyShift(2**40, 1, UP)):
        with pytest.raises(InvalidData, match="expected a result that fits int64"):
            apply_scalings([scaling], x)


def test_float_overflow_is_refused() -> None:
    x = np.array([2**60], dtype=np.int64)
    huge = Requantizer(Float32Multiply(Float32(0x7F7FFFFF)), 0, -128, 127)
    with pytest.raises(InvalidData, match="beyond the largest finite value"):
        apply_requantizers([huge], x, I8)


def test_refusals() -> None:
    requantizer = Requantizer(Shift(1, UP), 0, -128, 200)
    with pytest.raises(InvalidOption, match=r"output type i8: can't hold the codes \[-128, 200\]"):
        apply_requantizers([requantizer], np.zeros(3, np.int32), I8)
    with pytest.raises(InvalidData, match=r"found 2 requantizers for an array of shape \(3,\)"):
        apply_requantizers([requantizer] * 2, np.zeros(3, np.int32))
    with pytest.raises(InvalidData, match="found an array of float64"):
        apply_requantizers([requantizer], np.zeros(3))
    with pytest.raises(InvalidOption, match="are empty"):
        prepare([])


@given(st.data())
def test_any_parameters_on_any_accumulators(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**32))
    make = data.draw(st.sampled_from(MAKERS))
    scaling = make(np.random.default_rng(seed))
    values = data.draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20))
    requantizer = Requantizer(scaling, data.draw(st.integers(-255, 255)), -(2**15), 2**15 - 1)
    codes = apply_requantizers([requantizer], np.array(values, dtype=np.int32))
    assert codes.tolist() == [requantizer.apply(value) for value in values]
