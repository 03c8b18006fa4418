# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.commands.data import load_preprocessing
from intaglio.commands.synthesis.pictures import Viewing, pictures
from intaglio.compiler.real.ranges.ranges import Range

UNIT = Viewing(Range(0.0, 1.0))


def shown(samples: Any, viewing: Viewing = UNIT) -> NDArray[np.uint8]:
    """The first sample's pixels."""
    found = pictures(np.asarray(samples, np.float32), viewing)
    assert found is not None
    return np.asarray(found[0])


def test_colours_stand_where_they_were() -> None:
    image = np.zeros((1, 3, 128, 128), np.float32)
    image[0, 0, 5, 7] = 1.0
    image[0, 2, 9, 1] = 0.5
    image[0, 1, 3, 3] = 9.0  # beyond the range
    for samples in (image, image.transpose(0, 2, 3, 1)):
        pixels = shown(samples)
        assert pixels.shape == (128, 128, 3)
        assert pixels[5, 7].tolist() == [255, 0, 0]
        assert pixels[9, 1].tolist() == [0, 0, 128]
        assert pixels[3, 3].tolist() == [0, 255, 0]


def test_the_range_is_from_black_to_white() -> None:
    samples = np.linspace(-2, 6, 128 * 128).reshape(1, 1, 128, 128)
    pixels = shown(samples, Viewing(Range(-2.0, 6.0)))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[-1, -1].tolist() == [255, 255, 255]
    assert (pixels[..., 0] == pixels[..., 1]).all()


def test_a_range_without_extent_is_no_error() -> None:
    assert not shown(np.ones((1, 1, 128, 128)), Viewing(Range(1.0, 1.0))).any()


@pytest.mark.parametrize("name", ["torchvision", "caffe", "tf", "raw"])
def test_a_preprocessing_is_undone(name: str) -> None:
    rules = load_preprocessing(name)
    stored = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.float64)
    values = (stored / rules.divisor - np.array(rules.mean)) / np.array(rules.std)
    found = shown(values.transpose(2, 0, 1)[None], Viewing(Range(0.0, 1.0), rules))
    rgb = stored[..., ::-1] if name == "caffe" else stored
    assert (found == rgb.astype(np.uint8)).all()


def test_a_preprocessing_of_other_channels_is_left_alone() -> None:
    viewing = Viewing(Range(0.0, 1.0), load_preprocessing("torchvision"))
    assert (shown(np.ones((1, 1, 128, 128)), viewing) == 255).all()


def test_a_plane_is_a_heat_map() -> None:
    plane = np.zeros((1, 128, 128), np.float32)
    plane[0, 1, 1] = 1.0
    pixels = shown(plane)
    assert pixels[1, 1].tolist() == [253, 231, 37]
    assert pixels[0, 0].tolist() == [68, 1, 84]


def test_other_channels_stand_side_by_side() -> None:
    planes = np.zeros((1, 5, 32, 64), np.float32)
    planes[0, 3] = 1.0
    pixels = shown(planes)
    assert pixels.shape == (32, 5 * 64, 3)
    bright = pixels[0, :, 0] == 253
    assert bright.tolist() == [False] * 192 + [True] * 64 + [False] * 64


def test_small_ones_are_magnified_and_large_ones_shrunk() -> None:
    small = shown(np.eye(8)[None, None])
    assert small.shape == (128, 128, 3)
    assert (small[::16, ::16, 0] == 255 * np.eye(8)).all()
    assert (small[:16, :16] == 255).all()
    assert shown(np.zeros((1, 3, 600, 700))).shape == (512, 512, 3)
    assert shown(np.zeros((1, 2, 4000))).shape == (2, 512, 3)


@pytest.mark.parametrize("shape", [(2,), (2, 7), (2, 7, 1), (2, 1, 1, 9), (2, 3, 4, 5, 6)])
def test_vectors_and_volumes_are_no_pictures(shape: tuple[int, ...]) -> None:
    assert pictures(np.zeros(shape, np.float32), UNIT) is None
