# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tests.compiler.synthesis.describing import described


@pytest.mark.parametrize(
    ("shape", "channel", "spatial"),
    [
        ((3, 32, 24), 0, (1, 2)),
        ((32, 24, 3), 2, (0, 1)),
        ((1, 28, 28), 0, (1, 2)),
        ((28, 28, 1), 2, (0, 1)),
        ((49, 10), 0, (1,)),
        ((64, 7, 7), 0, (1, 2)),
        ((40, 1, 100), 0, (2,)),
        ((12,), 0, ()),
        ((), None, ()),
    ],
)
def test_channels_are_told_from_positions(
    shape: tuple[int, ...], channel: int | None, spatial: tuple[int, ...]
) -> None:
    found = described(*shape)
    assert (found.channel_axis, found.spatial_axes) == (channel, spatial)
    mean, std = found.moments()
    assert np.broadcast_shapes(mean.shape, std.shape, shape) == shape


def test_moments_stand_along_the_channels() -> None:
    mean, std = described(8, 8, 2, mean=[1.0, 2.0], std=[3.0, 4.0]).moments()
    np.testing.assert_allclose(mean, [[[1, 2]]])
    np.testing.assert_allclose(std, [[[3, 4]]])


def test_another_number_of_channels_is_one_mixture_for_all() -> None:
    mean, std = described(3, 8, 8, mean=[-1.0, 1.0], std=[2.0, 2.0]).moments()
    np.testing.assert_allclose(mean, np.zeros((3, 1, 1)))
    np.testing.assert_allclose(std, np.full((3, 1, 1), np.sqrt(5.0)))
