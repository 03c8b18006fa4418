# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.channel_moments import EPSILON, channel_moments
from tests.compiler.real.building import random


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=0, max_size=3), st.booleans(), st.integers(0, 99))
def test_moments_are_those_of_numpy(extents: list[int], per_sample: bool, seed: int) -> None:
    array = random(seed, 3, 2, *extents).astype(np.float64) * 5 + 2
    mean, std = channel_moments(torch.tensor(array), per_sample)
    by_row = array.reshape(3, 2, -1)
    together = by_row.transpose(1, 0, 2).reshape(1, 2, -1)
    rows = by_row if per_sample and extents else together
    np.testing.assert_allclose(mean.numpy(), rows.mean(2), rtol=1e-9)
    np.testing.assert_allclose(std.numpy(), np.sqrt(rows.var(2) + EPSILON), rtol=1e-9)


@pytest.mark.parametrize("positions", [(), (1,), (1, 1)])
def test_samples_of_a_single_position_are_taken_together(positions: tuple[int, ...]) -> None:
    array = random(0, 5, 4, *positions)
    mean, std = channel_moments(torch.tensor(array), per_sample=True)
    assert mean.shape == std.shape == (1, 4)
    np.testing.assert_allclose(std[0].numpy(), array.reshape(5, 4).std(0), rtol=1e-4)


@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("level", [0.0, 3.0, -50.0])
def test_a_constant_channel_has_a_finite_gradient(per_sample: bool, level: float) -> None:
    value = torch.full((2, 3, 4, 4), level, requires_grad=True)
    mean, std = channel_moments(value, per_sample)
    np.testing.assert_allclose(mean.detach().numpy(), level)
    np.testing.assert_allclose(std.detach().numpy(), 1e-3, rtol=1e-4)
    (gradient,) = torch.autograd.grad((mean + std).sum(), [value])
    assert bool(torch.isfinite(gradient).all())
    count = 16 if per_sample else 32
    np.testing.assert_allclose(gradient.numpy(), 1 / count, rtol=0.01)


def test_a_single_vector_has_no_spread() -> None:
    mean, std = channel_moments(torch.tensor([[1.0, -2.0]]), per_sample=True)
    np.testing.assert_array_equal(mean.numpy(), [[1.0, -2.0]])
    np.testing.assert_allclose(std.numpy(), 1e-3, rtol=1e-4)
