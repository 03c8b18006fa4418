# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.equalization.channel_ties import Slots
from intaglio.compiler.real.equalization.equalization_regions import Region, Scales, find_regions
from intaglio.compiler.real.equalization.least_noise import Place, least_noise
from intaglio.compiler.real.equalization.noise_terms import (
    ActivationNoise,
    QuantizationNoise,
    WeightNoise,
)
from intaglio.compiler.real.equalization.quantization_noise import quantization_noise
from intaglio.compiler.real.equalization.weight_ranges import WeightRanges
from intaglio.compiler.real.quantization.options import QuantizationOptions
from tests.compiler.real.building import note_statistics, random_feeds
from tests.compiler.real.equalization.test_equalize_random import networks

CHANNELS = 4


def slots(first: int, count: int) -> Slots:
    return np.arange(first, first + count)


def between(importance: list[float], variance: list[float]) -> tuple[Scales, QuantizationNoise]:
    """One region: a layer writes four channels from one, another makes one of them.

    One channel more, the first, has the largest weights on both sides and is not free, so that no
    step depends on the others.
    """
    count = CHANNELS + 1
    rows = np.full((1, count, 1), 0.01)
    rows[0, 0] = 1
    first = WeightNoise(
        slots(0, 1), slots(1, count), WeightRanges((rows,), False), 1,
        np.array([0.0, *importance]), np.ones(1), 1.0, False,
    )  # fmt: skip
    second = WeightNoise(
        slots(1, count), slots(count + 1, 1), WeightRanges((rows.reshape(1, 1, count),), False), 1,
        np.ones(1), np.array([0.0, *variance]), 1.0, False,
    )  # fmt: skip
    free = np.array([False, False, *[True] * CHANNELS, False])
    region = Region(slots(1, count), (0,), (1,), ())
    noise = QuantizationNoise((first, second), (), {})
    return Scales(free, (), (), {}, (region,)), noise


def test_one_region_is_solved_exactly() -> None:
    """What is g s^2 + v / s^2 is least at s = (v / g)^(1/4) while the steps stay as they are."""
    importance, variance = [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 16.0, 1.0]
    scales, noise = between(importance, variance)
    found = least_noise(scales, noise, 8, 0.0)
    # Of sum_o g_o s_o^2 + sum_c v_c / s_c^2, each at its least.
    best = np.sqrt(np.sqrt(np.array(variance) / np.array(importance)))
    np.testing.assert_allclose(found.factors[2:-1], best, rtol=1e-6)
    assert found.totals[-1] == pytest.approx(
        2 * float(np.sqrt(np.multiply(importance, variance)).sum())
    )
    np.testing.assert_array_equal(found.factors[[0, 1, -1]], 1)


def test_what_is_not_known_stays() -> None:
    scales, noise = between([1] * CHANNELS, [9] * CHANNELS)
    for unsure in (
        QuantizationNoise((noise.layers[0], "it is a secret"), (), {}),
        QuantizationNoise(noise.layers, (), {3: "it is a secret"}),
    ):
        found = least_noise(scales, unsure, 8, 0.0)
        assert found.places == ("it is a secret",)
        assert (found.factors == 1).all()


def test_a_channel_without_spread_stays() -> None:
    scales, noise = between([1] * CHANNELS, [9, 0, 9, 9])
    found = least_noise(scales, noise, 8, 0.0)
    assert found.factors[3] == 1
    assert (found.factors[[2, 4, 5]] > 1).all()


def test_codes_of_values_count_beside_weights() -> None:
    scales, noise = between([1] * CHANNELS, [1, 4, 9, 16])
    own = slots(2, CHANNELS)
    value = ActivationNoise(own, np.full(CHANNELS, 5.0), np.zeros(CHANNELS), np.ones(CHANNELS), 1.0)
    found = least_noise(scales, QuantizationNoise(noise.layers, (value,), {}), 8, 0.0)
    (place,) = found.places
    assert isinstance(place, Place)
    for nudge in (0.9, 1.1):
        other = found.factors.copy()
        other[own] *= nudge ** np.arange(CHANNELS)
        assert place.noise(other[None])[0] > place.noise(found.factors[None])[0]


def test_before_a_depthwise_layer_with_its_own_steps_codes_alone_count() -> None:
    """What a depthwise output loses then doesn't depend on scales: reach is made alike."""
    rows = np.exp(np.arange(CHANNELS, dtype=np.float64)).reshape(CHANNELS, 1, 1)
    ones, reach = np.ones(CHANNELS), np.array([1.0, 3.0, 20.0, 400.0])
    first = WeightNoise(
        slots(0, 1), slots(1, CHANNELS), WeightRanges((rows.reshape(1, CHANNELS, 1),), False), 1,
        ones, np.ones(1), 1.0, True,
    )  # fmt: skip
    second = WeightNoise(
        slots(1, CHANNELS), slots(CHANNELS + 1, CHANNELS), WeightRanges((rows,), False), CHANNELS,
        ones, np.square(reach), 1.0, True,
    )  # fmt: skip
    value = ActivationNoise(slots(1, CHANNELS), 1 / np.square(reach), 0 * ones, reach, 1.0)
    free = np.array([False, *[True] * CHANNELS, *[False] * CHANNELS])
    scales = Scales(free, (), (), {}, (Region(slots(1, CHANNELS), (0,), (1,), ()),))
    found = least_noise(scales, QuantizationNoise((first, second), (value,), {}), 8, 0.0)
    assert value.shares(found.factors).min() == pytest.approx(1)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(model=networks(), per_channel=st.booleans())
def test_noise_never_rises(model: ir.Model, per_channel: bool) -> None:
    names = [n.outputs[0].name or "" for n in model.graph if n.op_type.startswith("Conv")]
    noted = per_channel_caps(note_statistics(model, random_feeds(model, batch=8), *names)).model
    scales = find_regions(noted.graph)
    known = propagate_distributions(noted).distributions
    options = QuantizationOptions(per_channel=per_channel)
    noise = quantization_noise(noted, scales, known, options)
    found = least_noise(scales, noise, 4, 0.0)
    assert all(np.diff(found.totals) <= 1e-9 * found.totals[0])
    assert (found.factors[~scales.free] == 1).all()
