# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.sample_correlation import correlation_loss, correlation_spectrum
from tests.compiler.real.building import random


def samples(seed: int, count: int = 6) -> torch.Tensor:
    return torch.tensor(random(seed, count, 3, 8, 8)).double()


def from_equation(first: torch.Tensor, second: torch.Tensor) -> float:
    """The loss in numpy, eigenvector by eigenvector."""
    spectra: list[tuple[list[float], list[list[float]]]] = []
    for each in (first, second):
        flat = each.flatten(1).numpy()
        flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(flat @ flat.T)
        columns = [c if c[np.argmax(np.abs(c))] > 0 else -c for c in vectors.T]
        spectra.append((values.tolist(), [column.tolist() for column in columns]))
    (found, v), (wanted, u) = spectra
    magnitude = np.mean([(a - b) ** 2 for a, b in zip(found, wanted, strict=True)])
    shares = [(g - min(wanted)) / (max(wanted) - min(wanted)) for g in wanted]
    structure = sum(-s * np.dot(a, b) for s, a, b in zip(shares, v, u, strict=True))
    return float(1e-4 * magnitude + abs(structure))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200), st.integers(2, 7))
def test_the_loss_is_its_equation(seed: int, count: int) -> None:
    first, second = samples(seed, count), samples(seed + 1000, count)
    found = float(correlation_loss(first, second))
    np.testing.assert_allclose(found, from_equation(first, second), rtol=1e-6, atol=1e-9)


def test_eigenvalues_tell_equal_samples_from_independent_ones() -> None:
    independent, _ = correlation_spectrum(samples(0))
    equal, _ = correlation_spectrum(samples(0)[:1].expand(6, -1, -1, -1))
    np.testing.assert_allclose(equal.numpy(), [0, 0, 0, 0, 0, 6], atol=1e-12)
    other, _ = correlation_spectrum(samples(50))
    alike = float(torch.square(equal - other).mean())
    unalike = float(torch.square(independent - other).mean())
    assert unalike < 0.01
    assert alike > 4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200), st.permutations(range(5)))
def test_neither_scale_nor_order_nor_common_sign_changes_eigenvalues(
    seed: int, order: list[int]
) -> None:
    given_samples = samples(seed, 5)
    values, vectors = correlation_spectrum(given_samples)
    np.testing.assert_allclose(float(values.sum()), 5)
    moved = -3.0 * given_samples[list(order)]
    again, moved_vectors = correlation_spectrum(moved)
    torch.testing.assert_close(again, values)
    # Columns of well separated eigenvalues are the same vectors with their rows in the new order.
    torch.testing.assert_close(moved_vectors, vectors[list(order)], rtol=1e-6, atol=1e-6)


def test_the_largest_component_of_an_eigenvector_is_positive() -> None:
    _, vectors = correlation_spectrum(samples(3))
    assert bool((vectors.amax(0) == vectors.abs().amax(0)).all())
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(6, dtype=torch.float64))


def test_gradients_are_those_of_finite_differences() -> None:
    given_samples = samples(4, 4)[:, :1, :3, :3].contiguous().requires_grad_()
    independent = samples(5, 4)[:, :1, :3, :3]

    def function(x: torch.Tensor) -> torch.Tensor:
        return correlation_loss(x, independent)

    assert torch.autograd.gradcheck(function, (given_samples,), rtol=1e-3)


@pytest.mark.parametrize("kind", ["equal", "orthogonal", "opposite", "zero"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_stay_finite_where_eigenvalues_are_equal(kind: str, dtype: torch.dtype) -> None:
    first = samples(6)[:1].flatten(1)
    made = {
        "equal": first.expand(6, -1),
        "orthogonal": torch.eye(6, 192, dtype=torch.float64),
        "opposite": torch.cat([first, -first, first, -first, first, -first]),
        "zero": 0 * first.expand(6, -1),
    }[kind]
    x = made.to(dtype).clone().requires_grad_()
    loss = correlation_loss(x, samples(7).flatten(1).to(dtype))
    assert bool(torch.isfinite(loss))
    (gradient,) = torch.autograd.grad(loss, [x])
    assert bool(torch.isfinite(gradient).all())
    assert gradient.abs().max().item() < 1e4 or kind == "zero"
