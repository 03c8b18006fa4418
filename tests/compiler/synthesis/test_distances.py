# SPDX-License-Identifier: Apache-2.0
"""Distances against their equations in numpy."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from intaglio.compiler.synthesis.distances import Distance, TensorTarget, layer_distance
from intaglio.compiler.synthesis.layer_target import LayerTarget
from tests.compiler.real.building import random

Vectors = NDArray[np.float64]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
LIKE = torch.zeros((), dtype=torch.float64)


def tensor_target(mean: Vectors, std: Vectors, *slacks: float) -> TensorTarget:
    return TensorTarget.of(LayerTarget("y", mean, std, *slacks), LIKE)


def found(mean: Vectors, std: Vectors, target: TensorTarget, distance: Distance) -> Vectors:
    measured = layer_distance(torch.tensor(mean), torch.tensor(std), target, distance)
    array: Vectors = measured.numpy()
    return array


def drawn(seed: int, rows: int, channels: int) -> tuple[Vectors, Vectors, Vectors, Vectors]:
    """Means and stds that are measured, ``[rows, channels]``, and wanted, ``[channels]``."""
    mean, wanted = (random(seed + i, n, channels) * 3.0 for i, n in enumerate((rows, 1)))
    std, spread = (np.abs(random(seed + 2 + i, n, channels)) + 0.1 for i, n in enumerate((rows, 1)))
    measured = mean.astype(np.float64), std.astype(np.float64)
    return *measured, wanted[0].astype(np.float64), spread[0].astype(np.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 6), st.floats(0, 3), st.floats(0, 2))
def test_each_equation(seed: int, rows: int, channels: int, delta: float, gamma: float) -> None:
    m, s, mu, sigma = drawn(seed, rows, channels)
    target = tensor_target(mu, sigma, delta, gamma)
    expected: dict[Distance, Vectors] = {
        "l2": ((m - mu) ** 2 + (s - sigma) ** 2).sum(1),
        "slack": (
            np.maximum(np.abs(m - mu) - delta, 0) ** 2
            + np.maximum(np.abs(s - sigma) - gamma, 0) ** 2
        ).sum(1),
        "z-score": np.sqrt(((m - mu) ** 2 / ((s + 1e-6) ** 2 + (sigma + 1e-6) ** 2)).sum(1)),
        "relative": (
            ((m - mu) ** 2 + (s - sigma) ** 2) / (sigma**2 + 0.01 * (sigma**2).mean())
        ).mean(1),
    }
    for distance in DISTANCES:
        # The target's std is smoothed by 1e-6 under the square root, as measured ones are.
        np.testing.assert_allclose(
            found(m, s, target, distance), expected[distance], rtol=2e-3, atol=2e-3
        )


def test_what_lies_within_the_slack_is_forgiven() -> None:
    mu, sigma = np.array([1.0, -2.0]), np.array([0.5, 2.0])
    target = tensor_target(mu, sigma, 0.4, 0.2)
    off = np.array([[0.39, -0.39]])
    assert found(mu + off, sigma + off / 2, target, "slack").tolist() == [0.0]
    outside = found(mu + np.array([[0.0, -0.7]]), sigma[None], target, "slack")
    np.testing.assert_allclose(outside, 0.3**2, rtol=1e-4)
    narrow = found(mu[None], sigma - np.array([[0.0, 0.5]]), target, "slack")
    np.testing.assert_allclose(narrow, 0.3**2, rtol=1e-4)


def test_without_slack_it_is_l2() -> None:
    m, s, mu, sigma = drawn(3, 4, 5)
    target = tensor_target(mu, sigma)
    assert (found(m, s, target, "slack") == found(m, s, target, "l2")).all()


def test_the_spread_only_divides_a_z_score() -> None:
    m, s, mu, sigma = drawn(5, 2, 3)
    target = tensor_target(mu, sigma)
    at_target = found(np.tile(mu, (2, 1)), 9 * s, target, "z-score")
    assert at_target.tolist() == [0.0, 0.0]
    assert (found(m, 2 * s, target, "z-score") < found(m, s, target, "z-score")).all()


def test_a_relative_distance_has_no_units() -> None:
    m, s, mu, sigma = drawn(7, 3, 4)
    scale = 1000.0
    plain = found(m, s, tensor_target(mu, sigma), "relative")
    scaled = found(scale * m, scale * s, tensor_target(scale * mu, scale * sigma), "relative")
    np.testing.assert_allclose(scaled, plain, rtol=1e-3)


def test_a_channel_that_is_all_but_constant_counts_relative_to_its_layer() -> None:
    mu, sigma = np.zeros(2), np.array([1.0, 1e-6])
    off = np.array([[0.0, 0.1]])
    # (0.1)^2 / (0 + 0.01 * 1/2), the mean over two channels; its own spread would make it 5e9.
    distance = found(mu + off, sigma[None], tensor_target(mu, sigma), "relative")
    np.testing.assert_allclose(distance, 1.0, rtol=1e-3)


@pytest.mark.parametrize("distance", DISTANCES)
def test_on_the_target_the_distance_is_zero_and_so_is_its_gradient(distance: Distance) -> None:
    target = tensor_target(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    mean, std = (each[None].clone().requires_grad_() for each in (target.mean, target.std))
    measured = layer_distance(mean, std, target, distance)
    assert measured.item() == 0
    for gradient in torch.autograd.grad(measured.sum(), [mean, std]):
        assert not gradient.any()


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_constant_channel_keeps_distances_finite(distance: Distance) -> None:
    target = tensor_target(np.array([1.0]), np.array([0.0]), 0.1, 0.1)
    mean = torch.tensor([[5.0]], dtype=torch.float64, requires_grad=True)
    std = torch.tensor([[1e-3]], dtype=torch.float64, requires_grad=True)
    measured = layer_distance(mean, std, target, distance)
    assert measured.item() > 0
    for gradient in torch.autograd.grad(measured.sum(), [mean, std]):
        assert bool(torch.isfinite(gradient).all())
