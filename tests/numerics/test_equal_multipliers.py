# SPDX-License-Identifier: Apache-2.0
"""Integer scalings that are said to equal float ones do, on every accumulator."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.numerics import (
    Float32,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64,
    Float64Multiply,
    Interval,
    MultiplyAddShift,
    MultiplyShift,
    Requantizer,
    Rounding,
    Scaling,
    Shift,
    equal,
    matching_multiplier,
)
from intaglio.numerics.equal_multipliers import equal_scalings

UP, EVEN = Rounding.HALF_TOWARD_POSITIVE, Rounding.HALF_EVEN


def multiply(factor: float) -> Float32Multiply:
    return Float32Multiply(Float32.from_value(factor))


def replaced(requantizer: Requantizer, scaling: Scaling) -> Requantizer:
    return Requantizer(scaling, requantizer.zero_point, requantizer.low, requantizer.high)


def alone(requantizer: Requantizer, interval: Interval) -> Scaling | None:
    return equal_scalings([requantizer], [interval])[0]


factors = st.one_of(
    st.floats(2**-14, 8, width=32),
    st.integers(-12, 3).map(lambda exponent: 2.0**exponent),
    st.sampled_from([0.75, 1.5, 0.0, 0.1, 0.3]),
).map(Float32.from_value)
scalings = st.one_of(
    st.builds(Float32Multiply, factors),
    st.builds(
        Float32MultiplyAdd,
        factors,
        st.floats(-300, 300, width=32).map(Float32.from_value),
        st.sampled_from([EVEN, Rounding.HALF_AWAY_FROM_ZERO]),
    ),
    st.builds(Float64Multiply, st.floats(2**-14, 8).map(Float64.from_value)),
)


def clamping(scaling: Scaling, zero_point: int, low: int, width: int) -> Requantizer:
    return Requantizer(scaling, zero_point, low, low + width)


requantizers = st.builds(
    clamping, scalings, st.integers(-20, 20), st.integers(-128, 0), st.integers(0, 255)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(requantizers, st.integers(-500, 300), st.integers(0, 700)), min_size=1))
def test_small_intervals_by_every_accumulator(
    channels: list[tuple[Requantizer, int, int]],
) -> None:
    targets = [target for target, _, _ in channels]
    intervals = [Interval(low, low + width) for _, low, width in channels]
    found = equal_scalings(targets, intervals)
    for target, interval, scaling in zip(targets, intervals, found, strict=True):
        if scaling is not None:
            candidate = replaced(target, scaling)
            for x in range(interval.low, interval.high + 1):
                assert candidate.apply(x) == target.apply(x), x


@settings(max_examples=60, deadline=None)
@given(requantizers, st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32))
def test_large_intervals_step_by_step(target: Requantizer, low: int, width: int) -> None:
    interval = Interval(low, min(low + width, 2**31 - 1))
    scaling = alone(target, interval)
    if scaling is not None:
        assert equal(target, replaced(target, scaling), interval)
        assert scaling.product_bits(interval) <= 64


def test_random_scales_near_an_eighth_of_a_byte() -> None:
    # Of 600 factors 590 have an equal multiplier on accumulators of 18 bits, 98 in 100.
    random = Random(1)
    interval = Interval(-200_000, 200_000)
    factors = [random.uniform(0.5, 2) * 2**-8 for _ in range(600)]
    targets = [Requantizer(multiply(factor), 0, -128, 127) for factor in factors]
    found = equal_scalings(targets, [interval] * len(targets))
    assert sum(isinstance(scaling, MultiplyShift) for scaling in found) >= 585
    for target, scaling in list(zip(targets, found, strict=True))[:20]:
        # The search through every shift finds one exactly where this one does.
        assert (matching_multiplier(target, interval) is None) == (scaling is None)
        assert scaling is None or equal(target, replaced(target, scaling), interval)


def test_a_power_of_two_has_ties_to_even_alone() -> None:
    interval = Interval(-(2**20), 2**20)
    target = Requantizer(multiply(2**-8), 3, -128, 127)
    assert matching_multiplier(target, interval) is None
    scaling = alone(target, interval)
    assert isinstance(scaling, MultiplyShift)
    assert scaling.rounding is EVEN
    assert equal(target, replaced(target, scaling), interval)


def test_an_addend_inside_needs_one() -> None:
    interval = Interval(-40_000, 40_000)
    sum = Float32MultiplyAdd(Float32.from_value(0.0123), Float32.from_value(3.7))
    target = Requantizer(sum, 0, -128, 127)
    scaling = alone(target, interval)
    assert isinstance(scaling, MultiplyAddShift)
    assert equal(target, replaced(target, scaling), interval)


def test_channels_share_a_form_where_one_serves_all() -> None:
    interval = Interval(-1000, 1000)
    plain, tied = (Requantizer(multiply(factor), 0, -128, 127) for factor in (0.0123, 0.25))
    found = equal_scalings([plain, tied], [interval] * 2)
    assert [s.rounding for s in found if isinstance(s, MultiplyShift)] == [EVEN, EVEN]
    (alone,) = equal_scalings([plain], [interval])
    assert isinstance(alone, MultiplyShift)
    assert alone.rounding is UP


def test_what_is_not_searched_has_no_answer() -> None:
    interval = Interval(-1000, 1000)
    others = [
        Requantizer(Shift(3, EVEN), 0, -128, 127),
        Requantizer(multiply(-0.5), 0, -128, 127),
        Requantizer(multiply(0.5), 0, -(2**31), 2**31 - 1),
    ]
    assert equal_scalings(others, [interval] * 3) == (None, None, None)
    wide = Requantizer(multiply(2**-30), 0, -128, 127)
    assert alone(wide, Interval(-(2**40), 2**40)) is None
