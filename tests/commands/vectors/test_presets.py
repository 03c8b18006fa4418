# SPDX-License-Identifier: Apache-2.0
"""Corner vectors of profiles alone: sums that are sums, codes that are the requantizer's."""

import json
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.vectors import write_preset_vectors
from intaglio.errors import InvalidFile


@pytest.mark.parametrize("profile", ["single-rounding", "tflm", "nvdla"])
def test_every_requantizer_of_a_profile(profile: str, tmp_path: Path) -> None:
    found = write_preset_vectors(profile, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["requantizers"]] == [each.name for each in found]
    assert len(found) >= 10
    for each in found:
        with np.load(tmp_path / "out" / each.name / "vectors.npz") as arrays:
            x, code = arrays["accumulator"], arrays["stages/code"]
            assert len(x) == len(code) == each.vectors
            assert each.hit == each.reachable
            if each.name.startswith("sums"):
                weights = arrays["weights"].astype(np.int64)
                assert np.array_equal((weights * arrays["operands"]).sum(axis=1), x)
                assert weights.shape[1] == int(each.name.rpartition("-")[2])
            assert each.hit >= 15


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidFile, match="something stands there"):
        write_preset_vectors("tflm", tmp_path)
