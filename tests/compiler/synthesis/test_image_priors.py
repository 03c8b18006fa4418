# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from intaglio.compiler.synthesis.image_priors import rolled, total_variation
from tests.compiler.real.building import random


@pytest.mark.parametrize("axes", [(2, 3), (1, 2), (2,), (3,)])
def test_variation_is_that_of_neighbours_along_each_axis(axes: tuple[int, ...]) -> None:
    images = random(0, 2, 4, 5, 6)
    expected = sum(np.mean(np.diff(images, axis=axis) ** 2) for axis in axes)
    np.testing.assert_allclose(float(total_variation(torch.tensor(images), axes)), expected, 1e-5)


def test_constant_images_and_vectors_have_no_variation() -> None:
    assert float(total_variation(torch.full((2, 3, 4, 4), 7.0), (2, 3))) == 0
    assert float(total_variation(torch.tensor(random(0, 2, 3)), ())) == 0


def test_images_are_shifted_by_an_eighth_at_most_and_wrapped_around() -> None:
    images = torch.tensor(random(1, 1, 1, 16, 24))
    generator = torch.Generator().manual_seed(0)
    shifts: set[tuple[int, int]] = set()
    for _ in range(200):
        found = rolled(images, (2, 3), generator)
        place = (found[0, 0] == images[0, 0, 8, 12]).nonzero()[0]
        shift = int(place[0]) - 8, int(place[1]) - 12
        torch.testing.assert_close(found, torch.roll(images, shift, (2, 3)), rtol=0, atol=0)
        shifts.add(shift)
    assert {row for row, _ in shifts} == set(range(-2, 3))
    assert {column for _, column in shifts} == set(range(-3, 4))


def test_equal_seeds_shift_equally() -> None:
    images = torch.tensor(random(2, 2, 3, 32, 32))
    once, again = (rolled(images, (2, 3), torch.Generator().manual_seed(5)) for _ in range(2))
    assert bool((once == again).all())


def test_vectors_stay_as_they_are() -> None:
    vectors = torch.tensor(random(3, 2, 3))
    assert rolled(vectors, (), torch.Generator()) is vectors
