# SPDX-License-Identifier: Apache-2.0
"""The shift behind a clamp: by hand, against search, and how far chance is taken for an error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.biases.find_shift import (
    MeanMatching,
    clamped_means,
    find_shift,
    mean_error,
)
from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult

PLAIN = MeanMatching(shrink=False)
RELU = (np.zeros(1), np.full(1, np.inf))
NONE = (np.full(1, -np.inf), np.full(1, np.inf))


def result(*values: float) -> LayerResult:
    """One channel at so many positions of one sample."""
    return LayerResult([np.array(values, np.float32).reshape(1, 1, -1)])


def test_means_of_floats_and_of_integers_are_alike() -> None:
    rng = np.random.default_rng(0)
    integers = [rng.integers(-900, 900, (n, 3, 4, 2)).astype(np.int32) for n in (2, 1)]
    steps = np.array([0.25, 0.5])
    exact = LayerResult(integers, steps)
    real = LayerResult([np.moveaxis(a * steps, -1, 1).astype(np.float32) for a in integers])
    assert exact.means().shape == (3, 2)
    np.testing.assert_allclose(exact.means(), real.means(), rtol=1e-14)
    shift, low, high = np.array([3.0, -5.0]), np.array([0.0, -np.inf]), np.array([90.0, 7.5])
    for found, expected in zip(
        exact.clamped(shift, low, high), real.clamped(shift, low, high), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    clipped = np.clip(np.concatenate(integers) * steps + shift, low, high)
    np.testing.assert_allclose(exact.clamped(shift, low, high)[0], clipped.mean(axis=(1, 2)))


def test_by_hand() -> None:
    wanted = clamped_means(result(-1.0, -1.0, 2.0, 4.0), RELU)
    assert wanted.tolist() == [[1.5]]
    # Two of four positions are behind the clamp: what is missing comes from them alone.
    assert find_shift(result(-9.0, -9.0, 1.0, 3.0), wanted, RELU, PLAIN) == pytest.approx([1.0])
    # Without the clamp it is the difference of the means, 1 - (-3.5).
    plain = clamped_means(result(-1.0, -1.0, 2.0, 4.0), NONE)
    assert find_shift(result(-9.0, -9.0, 1.0, 3.0), plain, NONE, PLAIN) == pytest.approx([4.5])
    before = MeanMatching(behind_clamps=False, shrink=False)
    assert find_shift(result(-9.0, -9.0, 1.0, 3.0), plain, RELU, before) == pytest.approx([4.5])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_comes_close_wherever_the_clamp_lies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(rng.normal(size=(1, 5, 1)), 1.0, (8, 5, 50)).astype(np.float32)
    noisy = LayerResult([(y + rng.normal(0.0, 0.2, y.shape) + 0.3).astype(np.float32)])
    clamp = (np.zeros(5), np.array([np.inf, 6.0, 2.0, 1.0, np.inf]))
    wanted = clamped_means(LayerResult([y]), clamp)
    shift = find_shift(noisy, wanted, clamp, PLAIN)
    before = clamped_means(noisy, clamp).mean(axis=0) - wanted.mean(axis=0)
    after = noisy.clamped(shift, *clamp)[0].mean(axis=0) - wanted.mean(axis=0)
    assert (np.abs(after) <= np.maximum(0.05 * np.abs(before), 1e-3)).all()


def test_a_channel_that_never_leaves_the_clamps_end_stays() -> None:
    never = result(-3.0, -2.0, -1.0)
    assert find_shift(never, clamped_means(never, RELU), RELU, PLAIN).tolist() == [0.0]


def test_errors_that_are_all_chance_are_left() -> None:
    chance = np.random.default_rng(1).normal(size=(32, 200))
    assert np.abs(mean_error(chance, shrink=True)).max() < 0.1
    assert np.abs(mean_error(chance, shrink=False)).max() > 0.3


def test_errors_that_every_sample_shows_are_taken_whole() -> None:
    shown = np.linspace(-2.0, 2.0, 200) + np.random.default_rng(1).normal(0.0, 0.1, (32, 200))
    assert mean_error(shown, shrink=True) == pytest.approx(shown.mean(axis=0), rel=1e-3)
    same = np.ones((4, 3))
    assert mean_error(same, shrink=True).tolist() == [1.0, 1.0, 1.0]
    assert mean_error(shown[:1], shrink=True).tolist() == shown[0].tolist()
