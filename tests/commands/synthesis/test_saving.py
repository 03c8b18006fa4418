# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from intaglio.commands.data import InputSpec, open_dataset
from intaglio.commands.synthesis.contact_sheet import ContactSheet
from intaglio.commands.synthesis.saving import SavedSet, require_savable, save_set
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidFile, InvalidOption


def made(**shapes: tuple[int, ...]) -> SyntheticSet:
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=dims).astype(np.float32) for name, dims in shapes.items()}
    return SyntheticSet(inputs, {}, "made")


def saved(given: SyntheticSet, path: Path) -> SavedSet:
    return save_set(given, path, dict.fromkeys(given.inputs, Range(-3.0, 3.0)))


def test_a_set_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    given = made(**{"image/left:0": (5, 3, 8, 8), "file": (5, 2)})
    path = tmp_path / "set.npz"
    assert saved(given, path) == SavedSet(
        path, tmp_path / "set.png", ("input file [2] is no image, and isn't pictured",)
    )
    float32 = np.dtype(np.float32)
    specs = [
        InputSpec(name, (None, *array.shape[1:]), float32) for name, array in given.inputs.items()
    ]
    (batch,) = open_dataset(path, inputs=specs).batches(8)
    for name, array in given.inputs.items():
        assert (batch.inputs[name] == array).all()
    with Image.open(tmp_path / "set.png") as picture:
        assert min(picture.size) > 64
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set.npz", "set.png"]


def test_without_images_the_arrays_stand_alone(tmp_path: Path) -> None:
    found = saved(made(x=(3, 4)), tmp_path / "set.npz")
    assert found.picture is None
    assert [each.name for each in tmp_path.iterdir()] == ["set.npz"]


def test_neither_file_is_left_where_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Image.Image):
        def save(self, *arguments: Any, **options: Any) -> None:
            raise KeyboardInterrupt

    def broken(*arguments: object) -> ContactSheet:
        return ContactSheet(Broken(), ())

    monkeypatch.setattr("intaglio.commands.synthesis.saving.contact_sheet", broken)
    (tmp_path / "set.npz").write_text("precious")
    with pytest.raises(KeyboardInterrupt):
        saved(made(x=(3, 1, 8, 8)), tmp_path / "set.npz")
    assert [each.name for each in tmp_path.iterdir()] == ["set.npz"]
    assert (tmp_path / "set.npz").read_text() == "precious"


def test_places_that_do_not_serve_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"--save-data .*set\.zip: .*ending \.npz"):
        require_savable("--save-data", tmp_path / "set.zip")
    with pytest.raises(InvalidFile, match="missing"):
        require_savable("--save-data", tmp_path / "missing" / "set.npz")
    (tmp_path / "set.png").mkdir()
    with pytest.raises(InvalidFile, match=r"set\.png: it is a folder"):
        require_savable("--save-data", tmp_path / "set.npz")
