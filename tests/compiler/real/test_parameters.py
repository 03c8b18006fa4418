# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from math import frexp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.real.parameters import (
    MINIMUM_SCALE,
    Encoding,
    QuantizationParameters,
    bias_parameters,
    maximum_bias,
    parameters_for,
    raise_scales_for_bias,
)
from intaglio.compiler.real.quantization.options import QuantizationOptions, parse_bits
from intaglio.errors import InvalidOption

U8 = Encoding(8, signed=False)
S8 = Encoding(8, signed=True, symmetric=True, narrow=True)

encodings = st.builds(
    Encoding,
    st.integers(2, 16),
    signed=st.booleans(),
    symmetric=st.booleans(),
    narrow=st.booleans(),
    power_of_two=st.booleans(),
)
reals = st.floats(-1e6, 1e6, width=32)


@pytest.mark.parametrize(
    ("encoding", "codes"),
    [
        (U8, (0, 255, 128)),
        (S8, (-127, 127, 0)),
        (Encoding(8, signed=True), (-128, 127, 0)),
        (Encoding(2, signed=True, narrow=True), (-1, 1, 0)),
        (Encoding(16, signed=False), (0, 65535, 32768)),
        (Encoding(32, signed=True), (-(2**31), 2**31 - 1, 0)),
    ],
    ids=str,
)
def test_codes(encoding: Encoding, codes: tuple[int, int, int]) -> None:
    assert (encoding.minimum, encoding.maximum, encoding.middle) == codes


@given(encodings, reals, reals)
def test_the_range_is_covered_and_zero_is_exact(
    encoding: Encoding, first: float, second: float
) -> None:
    low, high = sorted((first, second))
    found = parameters_for(low, high, encoding)
    (scale,), (zero_point,) = found.scales, found.zero_points
    assert float(np.float32(scale)) == scale >= MINIMUM_SCALE
    assert encoding.minimum <= zero_point <= encoding.maximum
    assert found.dequantize(found.quantize(np.array([0.0])))[0] == 0.0
    values = np.linspace(low, high, 41)
    back = found.dequantize(found.quantize(values))
    # Half a step from rounding the value, half a step from rounding the zero point.
    assert float(np.abs(back - values).max()) <= scale * (1.0 + 1e-3)


@given(encodings, reals, reals)
def test_no_smaller_scale_would_do(encoding: Encoding, first: float, second: float) -> None:
    low, high = min(first, second, 0.0), max(first, second, 0.0)
    (scale,) = parameters_for(low, high, encoding).scales
    span = encoding.maximum - encoding.minimum
    if encoding.symmetric:
        needed = max(
            high / (encoding.maximum - encoding.middle), low / (encoding.minimum - encoding.middle)
        )
    else:
        needed = (high - low) / span
    if encoding.power_of_two:
        assert is_power_of_two(scale)
        assert scale >= needed
        # What is always zero may have any scale.
        assert low == high or scale / 2 < max(needed, MINIMUM_SCALE)
    elif needed > MINIMUM_SCALE:
        assert scale == pytest.approx(needed, rel=3e-7)


@given(
    encodings.filter(lambda encoding: not encoding.symmetric and not encoding.power_of_two),
    st.floats(1e-6, 1e6),
)
def test_a_clamp_at_the_ends_of_the_range_is_redundant(encoding: Encoding, high: float) -> None:
    found = parameters_for(0.0, high, encoding)
    ends = found.quantize(np.array([0.0, high]))
    assert ends.tolist() == [encoding.minimum, encoding.maximum]


def test_fixed_values() -> None:
    assert parameters_for(0.0, 1 - 2.0**-8, U8) == QuantizationParameters(U8, (2.0**-8,), (0,))
    assert parameters_for(-1.0, 1 - 2.0**-7, U8) == QuantizationParameters(U8, (2.0**-7,), (128,))
    assert parameters_for(-12.7, 3.0, S8).scales == (float(np.float32(0.1)),)


@pytest.mark.parametrize(
    ("highest", "scale"),
    [(255.0, 1.0), (np.nextafter(255.0, 0), 1.0), (np.nextafter(255.0, 256), 2.0), (510.0, 2.0)],
)
def test_powers_of_two_are_the_smallest_that_cover(highest: float, scale: float) -> None:
    found = parameters_for(0.0, highest, replace(U8, power_of_two=True))
    assert (found.scales, found.zero_points) == ((scale,), (0,))


def test_each_channel_has_its_own_power_of_two() -> None:
    encoding = replace(S8, power_of_two=True)
    found = parameters_for(np.array([-1.0, 0.0, -127.0]), np.array([3.0, 0.0, 128.0]), encoding, 0)
    assert found.scales == (2.0**-5, 2.0, 2.0)


def is_power_of_two(scale: float) -> bool:
    return frexp(scale)[0] == 0.5


def test_halves_go_to_even() -> None:
    found = QuantizationParameters(S8, (2.0,), (0,))
    np.testing.assert_array_equal(
        found.quantize(np.array([1.0, 3.0, 5.0, -1.0, -3.0, 1e9, -1e9])),
        [0, 2, 2, 0, -2, 127, -127],
    )


def test_channels_have_their_own_scales_and_dead_ones_the_largest() -> None:
    found = parameters_for(np.array([-1.27, 0.0, -2.54]), np.array([0.5, 0.0, 1.0]), S8, axis=0)
    expected = [float(np.float32(x)) for x in (0.01, 0.02, 0.02)]
    assert list(found.scales) == expected
    assert found.zero_points == (0, 0, 0)


@pytest.mark.parametrize("encoding", [U8, S8])
def test_a_tensor_of_zeros_has_a_sensible_scale(encoding: Encoding) -> None:
    (scale,) = parameters_for(0.0, 0.0, encoding).scales
    assert 1e-3 < scale < 1e-2


def test_channels_spread_along_their_axis() -> None:
    found = QuantizationParameters(S8, (1.0, 2.0), (0, 0), axis=1)
    np.testing.assert_array_equal(
        found.quantize(np.array([[[8.0], [8.0]]])), np.array([[[8], [4]]])
    )


def test_the_scale_of_a_bias_is_the_float32_product() -> None:
    data = QuantizationParameters(U8, (float(np.float32(0.1)),), (3,))
    weight = QuantizationParameters(S8, tuple(float(np.float32(x)) for x in (0.3, 0.7)), (0, 0), 0)
    found = bias_parameters(data, weight, repeats=2)
    product = [float(np.float32(0.1) * np.float32(x)) for x in (0.3, 0.7)]
    assert list(found.scales) == product * 2
    assert (found.encoding.bits, found.axis, found.zero_points) == (32, 0, (0, 0, 0, 0))


@given(
    st.floats(2.0**-40, 2.0**10, width=32),
    st.floats(2.0**-40, 2.0**10, width=32),
    st.floats(-1e6, 1e6, width=32),
    st.integers(2, 16),
)
def test_a_large_bias_raises_the_scale_just_enough(
    data_scale: float, weight_scale: float, bias: float, bits: int
) -> None:
    data = QuantizationParameters(Encoding(bits, signed=False), (data_scale,), (0,))
    weight = QuantizationParameters(S8, (weight_scale, weight_scale), (0, 0), 0)
    raised = raise_scales_for_bias(weight, data, np.array([bias, 0.0]))
    assert raised.scales[1] == weight_scale
    codes = bias_parameters(data, raised).quantize(np.array([bias, 0.0]))
    assert abs(int(codes[0])) <= maximum_bias(data)
    if raised.scales[0] != weight_scale:
        assert abs(int(codes[0])) >= maximum_bias(data) * (1 - 1e-5)
        assert raised.scales[0] > weight_scale


@given(st.integers(-40, 10), st.integers(-40, 10), st.floats(-1e6, 1e6, width=32))
def test_a_raised_power_of_two_stays_one(data: int, weight: int, bias: float) -> None:
    encoding = replace(S8, power_of_two=True)
    activations = QuantizationParameters(replace(U8, power_of_two=True), (2.0**data,), (0,))
    weights = QuantizationParameters(encoding, (2.0**weight,), (0,), 0)
    raised = raise_scales_for_bias(weights, activations, np.array([bias]))
    parameters = bias_parameters(activations, raised)
    assert is_power_of_two(raised.scales[0])
    assert parameters.scales[0] == raised.scales[0] * 2.0**data
    (code,) = parameters.quantize(np.array([bias]))
    assert abs(int(code)) <= maximum_bias(activations)
    if raised.scales[0] != 2.0**weight:
        assert abs(int(code)) >= maximum_bias(activations) * (0.5 - 1e-5)


@pytest.mark.parametrize(("bits", "bound"), [(2, 2**24), (8, 2**24), (9, 2**30), (16, 2**30)])
def test_wide_activations_may_have_wide_biases(bits: int, bound: int) -> None:
    data = QuantizationParameters(Encoding(bits, signed=False), (1.0,), (0,))
    assert maximum_bias(data) == bound


@pytest.mark.parametrize(
    ("text", "widths"), [("w8a8", (8, 8)), ("W4A16", (4, 16)), (" w2a3 ", (2, 3))]
)
def test_bits(text: str, widths: tuple[int, int]) -> None:
    assert parse_bits(text) == widths


@pytest.mark.parametrize("text", ["", "8", "w8", "a8w8", "w1a8", "w8a17", "w8a8x", "w-8a8"])
def test_bits_that_mean_nothing(text: str) -> None:
    with pytest.raises(InvalidOption, match="--bits"):
        parse_bits(text)


def test_options_refuse_widths_and_name_them() -> None:
    with pytest.raises(InvalidOption, match="weight bits 1"):
        QuantizationOptions(weight_bits=1)
    with pytest.raises(InvalidOption, match="activation bits 17"):
        QuantizationOptions(activation_bits=17)


def test_options_make_encodings() -> None:
    assert QuantizationOptions().weights == S8
    assert QuantizationOptions().activations == U8
    affine = QuantizationOptions(symmetric_weights=False).weights
    assert (affine.signed, affine.symmetric, affine.narrow) == (False, False, False)
    shifts = QuantizationOptions(power_of_two_scales=True)
    assert shifts.weights == replace(S8, power_of_two=True)
    assert shifts.activations == replace(U8, power_of_two=True)
