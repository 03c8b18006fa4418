# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.data import open_dataset
from intaglio.commands.float_models import dataset_feeds, input_specs
from tests.compiler.real.building import parse, random


def network(batch: int | str) -> ir.Model:
    text = f"(float[{batch}, 2] x) => (float[{batch}, 3] y) {{ y = Gemm(x, w) }}"
    return parse(text, w=random(1, 2, 3))


def batches(folder: Path, batch: int | str, samples: int, wanted: int) -> list[list[int]]:
    """The numbers of the samples in each batch."""
    path, model = folder / "data.npz", network(batch)
    np.savez(path, x=np.repeat(np.arange(samples, dtype=np.float32)[:, None], 2, axis=1))
    feeds = dataset_feeds(model, open_dataset(path, inputs=input_specs(model)), wanted)
    found = [one["x"][:, 0].astype(int).tolist() for one in feeds]
    assert len(feeds) == len(found)
    return found


@pytest.mark.parametrize(
    ("batch", "samples", "expected"),
    [
        (4, 6, [[0, 1, 2, 3], [4, 5, 0, 1]]),
        (4, 5, [[0, 1, 2, 3], [4, 0, 1, 2]]),
        (4, 4, [[0, 1, 2, 3]]),
        (8, 3, [[0, 1, 2, 0, 1, 2, 0, 1]]),
        (3, 1, [[0, 0, 0]]),
    ],
)
def test_a_fixed_batch_is_filled_up_from_the_front(
    tmp_path: Path, batch: int, samples: int, expected: list[list[int]]
) -> None:
    assert batches(tmp_path, batch, samples, wanted=2) == expected


def test_an_open_batch_is_as_wanted_and_the_last_one_holds_what_remains(tmp_path: Path) -> None:
    assert batches(tmp_path, "N", 5, wanted=2) == [[0, 1], [2, 3], [4]]
