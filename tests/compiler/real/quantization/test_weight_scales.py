# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.parameters import Encoding, QuantizationParameters, parameters_for
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.weight_scales import (
    SMALLEST_FACTOR,
    STEPS,
    weight_parameters,
)
from intaglio.errors import InvalidOption
from tests.compiler.real.building import random
from tests.compiler.real.quantizing import quantize

S4 = Encoding(4, signed=True, symmetric=True, narrow=True)
U4 = Encoding(4, signed=False)


def errors(found: QuantizationParameters, array: np.ndarray) -> np.ndarray:
    """The squared error of each output channel."""
    difference = found.dequantize(found.quantize(array)) - array
    error: np.ndarray = np.square(difference).sum(axis=tuple(range(1, array.ndim)))
    return error


@settings(max_examples=30)
@given(
    st.integers(0, 1000),
    st.integers(2, 8),
    st.sampled_from(["symmetric", "affine"]),
    st.booleans(),
    st.sampled_from([0, None]),
)
def test_no_factor_of_the_grid_loses_less(
    seed: int, bits: int, form: str, power_of_two: bool, axis: int | None
) -> None:
    encoding = replace(S4 if form == "symmetric" else U4, bits=bits, power_of_two=power_of_two)
    array = random(seed, 3, 4, 2).astype(np.float64) ** 3
    found = errors(weight_parameters(array, axis, encoding, "mse"), array)
    rows = array.reshape(3, -1) if axis == 0 else array.reshape(1, -1)
    for factor in np.geomspace(1.0, SMALLEST_FACTOR, STEPS):
        low, high = factor * rows.min(axis=1), factor * rows.max(axis=1)
        other = errors(parameters_for(low, high, encoding, axis), array)
        assert (found <= other).all() if axis == 0 else found.sum() <= other.sum()


def test_min_max_covers_each_channel_along_any_axis() -> None:
    array = random(0, 3, 4, 2).astype(np.float64)
    for axis in (0, 1, 2):
        others = tuple(i for i in range(3) if i != axis)
        expected = parameters_for(array.min(axis=others), array.max(axis=others), U4, axis)
        assert weight_parameters(array, axis, U4) == expected
    whole = parameters_for(array.min(), array.max(), U4)
    assert weight_parameters(array, None, U4) == whole


def test_an_outlier_of_one_channel_is_cut_there_alone() -> None:
    array = np.tile(np.linspace(-1, 1, 2001), (2, 1))
    array[0, 0] = -3.0
    covering, least = (weight_parameters(array, 0, S4, rule) for rule in ("minmax", "mse"))
    assert least.scales[0] < 0.7 * covering.scales[0]
    assert least.scales[1] == pytest.approx(covering.scales[1], rel=0.1)


def test_the_smaller_power_of_two_is_taken_where_it_loses_less() -> None:
    encoding = replace(S4, power_of_two=True)
    array = np.stack([np.linspace(-7.2, 7.2, 101), np.linspace(-13, 13, 101)])
    assert weight_parameters(array, 0, encoding, "minmax").scales == (2.0, 2.0)
    assert weight_parameters(array, 0, encoding, "mse").scales == (1.0, 2.0)


def test_weights_of_zero_and_no_weights_have_a_scale() -> None:
    for array in (np.zeros((2, 3)), np.zeros((2, 0))):
        scales = weight_parameters(array, 0, S4, "mse").scales
        assert len(scales) == 2
        assert min(scales) > 0


def test_the_plan_follows_the_option() -> None:
    weights = random(1, 40, 40)
    weights[0, 0] = 8.0
    text = "(float[N,40] x) => (y) { y = Gemm(x, w) }"
    options = QuantizationOptions(weight_bits=4, per_channel=False)
    scales = [
        next(iter(quantize(text, chosen, w=weights).plan.constants.values())).scales[0]
        for chosen in (options, replace(options, weight_range="mse"))
    ]
    assert scales[1] < scales[0] == pytest.approx(8 / 7)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InvalidOption, match="choose minmax or mse"):
        QuantizationOptions(weight_range="median")  # type: ignore[arg-type]  # the point of the test
