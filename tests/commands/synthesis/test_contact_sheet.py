# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from intaglio.commands.synthesis.contact_sheet import contact_sheet
from intaglio.commands.synthesis.pictures import Viewing
from intaglio.compiler.real.ranges.ranges import Range

UNIT = Viewing(Range(0.0, 1.0))


def pixels(inputs: dict[str, Any]) -> Any:
    image = contact_sheet(inputs, dict.fromkeys(inputs, UNIT)).image
    assert image is not None
    return np.asarray(image).astype(int)


def areas(found: Any, colour: list[int]) -> int:
    return int((found == colour).all(axis=-1).sum())


@pytest.mark.parametrize("count", [1, 2, 5, 9, 64])
def test_every_sample_is_there_within_its_border(count: int) -> None:
    samples = np.zeros((count, 3, 128, 128), np.float32)
    samples[:, 0] = 1.0
    found = pixels({"x": samples})
    assert areas(found, [255, 0, 0]) == count * 128 * 128
    rows, columns = ((found == [255, 0, 0]).all(axis=-1).any(axis=axis).sum() for axis in (1, 0))
    assert rows * columns // 128**2 - count < max(rows, columns) // 128
    left = int(np.argmax((found == [255, 0, 0]).all(axis=-1).any(axis=0)))
    top = int(np.argmax((found == [255, 0, 0]).all(axis=-1).any(axis=1)))
    assert found[top, left - 1].tolist() == found[top - 1, left].tolist() == [0, 0, 0]


def test_inputs_stand_below_each_other_and_vectors_are_named() -> None:
    red, blue = (np.zeros((2, 3, 128, 128), np.float32) for _ in range(2))
    red[:, 0], blue[:, 2] = 1.0, 1.0
    inputs = {"first": red, "angle": np.zeros((2, 4), np.float32), "second": blue}
    sheet = contact_sheet(inputs, dict.fromkeys(inputs, UNIT))
    assert sheet.remarks == ("input angle [4] is no image, and isn't pictured",)
    found = np.asarray(sheet.image).astype(int)
    rows = [
        np.flatnonzero((found == c).all(axis=-1).any(axis=1)) for c in ([255, 0, 0], [0, 0, 255])
    ]
    assert rows[0].max() < rows[1].min()


def test_without_an_image_there_is_no_sheet() -> None:
    sheet = contact_sheet({"x": np.zeros((2, 4), np.float32)}, {"x": UNIT})
    assert sheet.image is None
    assert len(sheet.remarks) == 1


def test_a_large_set_shows_its_first_samples() -> None:
    samples = np.zeros((70, 3, 128, 128), np.float32)
    samples[:64, 0], samples[64:, 2] = 1.0, 1.0
    found = pixels({"x": samples})
    assert areas(found, [255, 0, 0]) == 64 * 128 * 128
    assert areas(found, [0, 0, 255]) == 0


def test_wide_tiles_and_names_in_any_script_fit() -> None:
    assert pixels({"größe/音": np.zeros((3, 40, 400), np.float32)}).shape[1] < 2048
    assert pixels({"x" * 90: np.zeros((1, 8, 8), np.float32)}).shape[1] > 90
