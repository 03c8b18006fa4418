# SPDX-License-Identifier: Apache-2.0
"""Discs on top of each other: surfaces of one colour and any size, in any number of dimensions."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.dead_leaves import dead_leaves


@pytest.mark.parametrize("extents", [(64,), (40, 24), (12, 10, 8), (1, 30), (3, 3)])
def test_numbers_are_standard_normal_whatever_the_dimensions(extents: tuple[int, ...]) -> None:
    # 300 samples of a few surfaces each: the mean is within 4 / sqrt(300) of 0.
    found = dead_leaves(np.random.default_rng(1), 300, 2, extents, 0.9)
    assert found.shape == (300, 2, *extents)
    assert abs(float(found.mean())) < 0.2
    assert 0.85 < float(found.std()) < 1.15


def test_channels_share_as_much_as_is_asked() -> None:
    for shared in (0.0, 0.5, 1.0):
        found = dead_leaves(np.random.default_rng(2), 100, 2, (32, 32), shared)
        alike = float(np.corrcoef(found[:, 0].ravel(), found[:, 1].ravel())[0, 1])
        assert abs(alike - shared) < 0.1


def test_surfaces_are_flat_and_of_many_sizes() -> None:
    found = dead_leaves(np.random.default_rng(3), 20, 1, (64, 64), 0.9)[:, 0]
    flat = float((np.diff(found, axis=2) == 0).mean())
    assert 0.6 < flat < 0.95
    sizes = np.concatenate([np.unique(image, return_counts=True)[1] for image in found])
    assert sizes.min() < 10
    assert sizes.max() > 500


def test_a_disc_is_round_and_where_its_centre_is() -> None:
    # No radius is above half the extent: only where no disc lies at all are two corners alike.
    found = dead_leaves(np.random.default_rng(4), 50, 1, (33, 33), 0.0)[:, 0]
    assert float((found[:, 0, 0] != found[:, 32, 32]).mean()) > 0.8
    assert float((found[:, 16, 16] == found[:, 16, 17]).mean()) > 0.5


def test_no_surface_of_some_size_fills_its_box() -> None:
    # A disc fills pi / 4 of its bounding box; what lies on top of it only takes away.
    found = dead_leaves(np.random.default_rng(5), 10, 1, (64, 64), 0.9)[:, 0]
    shares: list[float] = []
    for image in found:
        for colour in np.unique(image):
            rows, columns = np.nonzero(image == colour)
            inside = min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 63
            if inside and rows.size > 30:
                box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
                shares.append(rows.size / float(box))
    assert len(shares) > 20
    assert max(shares) < 0.88
