# SPDX-License-Identifier: Apache-2.0
"""Against Python's own slices where they agree; frontends and executor hold it to ONNX Runtime."""

from itertools import product

import pytest

from intaglio.numerics.slicing import slice_range


def test_forward_it_is_pythons_slice() -> None:
    for extent, start, end, step in product(range(5), range(-7, 8), range(-7, 8), range(1, 4)):
        taken = list(slice_range(start, end, step, extent))
        assert taken == list(range(extent))[start:end:step], (extent, start, end, step)


def test_backward_it_is_pythons_slice_from_an_element_on() -> None:
    for extent, end, step in product(range(1, 5), range(-7, 8), range(-3, 0)):
        for start in range(-extent, 8):
            taken = list(slice_range(start, end, step, extent))
            assert taken == list(range(extent))[start:end:step], (extent, start, end, step)


@pytest.mark.parametrize("end", [2**31 - 1, 2**63 - 1])
def test_backward_the_greatest_end_is_the_beginning(end: int) -> None:
    assert list(slice_range(-1, end, -1, 4)) == [3, 2, 1, 0]
    assert list(slice_range(2, end, -2, 4)) == [2, 0]
    assert list(slice_range(2, end - 1, -2, 4)) == []


def test_backward_from_before_the_axis_is_its_first_element() -> None:
    assert list(slice_range(-9, -9, -1, 4)) == [0]
