# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.noise import Start, noise
from tests.compiler.synthesis.describing import described

STARTS: tuple[Start, ...] = ("normal", "uniform", "natural", "leaves")


def drawn(described: InputDescription, start: Start, samples: int = 64, seed: int = 0) -> Any:
    return noise({"x": described}, samples, seed, start)["x"].astype(np.float64)


def neighbours_alike(images: NDArray[np.float64], axis: int) -> float:
    """The correlation of values that stand beside each other along an axis."""
    first = np.take(images, range(images.shape[axis] - 1), axis)
    second = np.take(images, range(1, images.shape[axis]), axis)
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("shape", [(3, 16, 12), (16, 12, 3), (2, 50), (7,), ()])
def test_samples_are_reproducible_and_within_the_range(
    start: Start, shape: tuple[int, ...]
) -> None:
    inputs = {"x": described(*shape, low=-0.1, high=0.3), "y": described(*shape)}
    once, again = (noise(inputs, 5, 7, start) for _ in range(2))
    other = noise(inputs, 5, 8, start)
    for name in inputs:
        assert once[name].shape == (5, *shape)
        assert once[name].dtype == np.float32
        assert (once[name] == again[name]).all()
        assert (once[name] != other[name]).any()
    assert once["x"].min() >= np.float32(-0.1)
    assert once["x"].max() <= np.float32(0.3)
    assert (once["x"] != once["y"]).any()


@pytest.mark.parametrize("start", ["normal", "natural", "leaves"])
@pytest.mark.parametrize("last", [False, True])
def test_each_channel_has_its_mean_and_deviation(start: Start, last: bool) -> None:
    means, stds = [100.0, -3.0, 0.5], [20.0, 1.0, 0.1]
    shape = (24, 24, 3) if last else (3, 24, 24)
    found = drawn(described(*shape, low=-1e6, high=1e6, mean=means, std=stds), start, 400)
    axes = (0, 1, 2) if last else (0, 2, 3)
    off = (found.mean(axis=axes) - np.array(means)) / np.array(stds)
    np.testing.assert_allclose(off, 0, atol=0.15)
    np.testing.assert_allclose(found.std(axis=axes), stds, rtol=0.1)


def test_uniform_numbers_fill_the_range() -> None:
    found = drawn(described(3, 16, 16, low=0.0, high=255.0), "uniform")
    np.testing.assert_allclose([found.mean(), found.std()], [127.5, 255 / np.sqrt(12)], rtol=0.02)
    assert abs(neighbours_alike(found, 3)) < 0.02


def test_natural_images_are_smooth_and_nearly_grey() -> None:
    found = drawn(described(3, 32, 32), "natural", 200)
    plain = drawn(described(3, 32, 32), "normal", 200)
    for axis in (2, 3):
        assert neighbours_alike(found, axis) > 0.7
        assert abs(neighbours_alike(plain, axis)) < 0.02
    shared = float(np.corrcoef(found[:, 0].ravel(), found[:, 1].ravel())[0, 1])
    assert 0.85 < shared < 0.95
    levels = found.mean(axis=(2, 3))
    assert 0.2 < float(np.var(levels)) < 0.3


def test_amplitudes_of_natural_images_fall_with_frequency() -> None:
    found = drawn(described(1, 64, 64), "natural", 200)
    power = np.square(np.abs(np.fft.fft2(found[:, 0]))).mean(axis=0)
    # Four times the frequency: a sixteenth of the power, along either axis and the diagonal.
    for low, high in (((0, 2), (0, 8)), ((2, 0), (8, 0)), ((3, 3), (12, 12))):
        assert 11 < power[low] / power[high] < 23


def test_leaves_have_edges_between_surfaces_of_little_texture() -> None:
    # A Gaussian field's differences of neighbours are Gaussian: their fourth moment is 3.
    bounds: dict[Start, tuple[float, float]] = {"natural": (2.5, 3.5), "leaves": (6.0, 100.0)}
    for start, (least, most) in bounds.items():
        found = drawn(described(1, 64, 64), start, 30)
        steps: NDArray[np.float64] = found[:, :, :, 1:] - found[:, :, :, :-1]
        kurtosis = float(np.mean(steps**4) / np.mean(steps**2) ** 2)
        assert least < kurtosis < most, start


@pytest.mark.parametrize("start", ["natural", "leaves"])
def test_inputs_without_positions_get_independent_numbers(start: Start) -> None:
    found = drawn(described(6), start, 4000)
    correlations = np.corrcoef(found.T) - np.eye(6)
    assert float(np.abs(correlations).max()) < 0.06
