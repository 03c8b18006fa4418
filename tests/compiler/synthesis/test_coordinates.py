# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.coordinates import Coordinates
from tests.compiler.synthesis.describing import described

LIKE = torch.zeros(())
NUMBERS = st.floats(-1e6, 1e6, width=32)


def test_inputs_are_means_and_spreads_away() -> None:
    x = Coordinates.of(described(2, 4, 3, mean=[1.0, -5.0], std=[0.5, 2.0]), LIKE)
    z = torch.ones(1, 2, 4, 3)
    found = x.inputs(z)
    np.testing.assert_allclose(found[0, :, 0, 0].numpy(), [1.5, -3.0])
    np.testing.assert_allclose(x.of_inputs(found.numpy()).numpy(), 1, rtol=1e-6)
    assert x.axes == (2, 3)
    assert x.channel_axis == 1


def test_channels_may_be_last() -> None:
    x = Coordinates.of(described(8, 8, 3, mean=[1.0, 2.0, 3.0]), LIKE)
    found = x.inputs(torch.zeros(1, 8, 8, 3))[0, 5, 5]
    np.testing.assert_array_equal(found.numpy(), [1.0, 2.0, 3.0])
    assert x.axes == (1, 2)
    assert x.channel_axis == 3


def test_a_single_number_has_no_axes() -> None:
    x = Coordinates.of(described(mean=2.0, std=3.0), LIKE)
    np.testing.assert_array_equal(x.inputs(torch.tensor([0.0, 1.0])).numpy(), [2.0, 5.0])
    assert (x.axes, x.channel_axis) == ((), None)


@settings(max_examples=200, deadline=None)
@given(st.tuples(NUMBERS, NUMBERS), NUMBERS, st.floats(0, 1e4), st.integers(0, 99))
def test_samples_never_leave_the_range(
    ends: tuple[float, float], mean: float, std: float, seed: int
) -> None:
    low, high = min(ends), max(ends)
    x = Coordinates.of(described(2, 3, 3, low=low, high=high, mean=mean, std=std), LIKE)
    z = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(seed)) * 1e3
    found = x.samples(x.within(z))
    assert found.dtype == np.float32
    assert found.min() >= np.float32(low)
    assert found.max() <= np.float32(high)


@settings(max_examples=100, deadline=None)
@given(st.floats(-300, 300, width=32), st.floats(0.125, 300, width=32), st.integers(0, 99))
def test_inputs_come_back_from_their_own_units(low: float, span: float, seed: int) -> None:
    high = low + span
    x = Coordinates.of(described(5, low=low, high=high, mean=low + span / 3, std=span / 5), LIKE)
    given_inputs = np.random.default_rng(seed).uniform(low, high, (6, 5)).astype(np.float32)
    found = x.samples(x.of_inputs(given_inputs))
    np.testing.assert_allclose(found, given_inputs, atol=1e-6 * (abs(low) + span))


def test_the_ends_can_be_reached() -> None:
    x = Coordinates.of(described(3, low=-0.3, high=0.7, mean=0.1, std=0.17), LIKE)
    for end, far in ((-0.3, -1e9), (0.7, 1e9)):
        assert (x.samples(x.within(torch.full((1, 3), far))) == np.float32(end)).all()


def test_a_channel_without_spread_may_move_over_the_range() -> None:
    x = Coordinates.of(described(2, low=0.0, high=8.0, mean=3.0, std=[0.0, 1.0]), LIKE)
    np.testing.assert_array_equal(x.std.numpy(), [2.0, 1.0])
    np.testing.assert_array_equal(x.inputs(torch.ones(1, 2)).numpy(), [[5.0, 4.0]])


def test_a_range_of_one_number_is_kept_to() -> None:
    x = Coordinates.of(described(2, low=3.0, high=3.0, mean=3.0, std=0.0), LIKE)
    z = x.of_inputs(np.full((1, 2), 3.0, np.float32))
    assert not z.any()
    assert (x.samples(x.within(z + 5)) == 3.0).all()
