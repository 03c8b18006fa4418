# SPDX-License-Identifier: Apache-2.0
"""Known coordinates and ties; frontends and executor hold whole resizes to ONNX Runtime."""

import numpy as np
import pytest

from intaglio.numerics.resampling import COORDINATES, ROUNDINGS, resize_coordinates

EXPECTED = {
    "half_pixel": [-0.25, 0.25, 0.75, 1.25],
    "pytorch_half_pixel": [-0.25, 0.25, 0.75, 1.25],
    "asymmetric": [0.0, 0.5, 1.0, 1.5],
    "align_corners": [0.0, 1 / 3, 2 / 3, 1.0],
}


@pytest.mark.parametrize("mode", COORDINATES)
def test_two_elements_become_four(mode: str) -> None:
    found = resize_coordinates(2, 4, np.float32(2), mode)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, EXPECTED[mode], rtol=1e-6)


def test_one_element_is_the_first_for_pytorch_and_with_corners() -> None:
    firsts = {m: resize_coordinates(4, 1, np.float32(0.25), m).tolist() for m in COORDINATES}
    assert firsts == {
        "half_pixel": [1.5],
        "pytorch_half_pixel": [0.0],
        "asymmetric": [0.0],
        "align_corners": [0.0],
    }


def test_ties_and_what_float32_makes_of_them() -> None:
    places = (0.5, 1.5, 1.5 - 1e-7, 1.5 + 1e-7, 1.49, 1.51, -0.5)
    assert {name: [round(x) for x in places] for name, round in ROUNDINGS.items()} == {
        "round_prefer_floor": [0, 1, 1, 1, 1, 2, -1],
        "round_prefer_ceil": [1, 2, 2, 2, 1, 2, 0],
        "floor": [0, 1, 1, 1, 1, 1, -1],
        "ceil": [1, 2, 2, 2, 2, 2, 0],
    }
