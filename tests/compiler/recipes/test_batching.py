# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.recipes.batching import fixed_batch, in_batches
from tests.compiler.real.building import parse, random


@pytest.mark.parametrize(
    ("batch", "samples", "expected"),
    [
        ("N", 3, [[0, 1, 2]]),
        ("N", 10, [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]),
        (4, 4, [[0, 1, 2, 3]]),
        (4, 6, [[0, 1, 2, 3], [4, 5, 0, 1]]),
        (3, 1, [[0, 0, 0]]),
    ],
)
def test_batches_are_the_models_own(
    batch: int | str, samples: int, expected: list[list[int]]
) -> None:
    text = f"(float[{batch}, 2] x, float[{batch}, 2] z) => (y) {{ a = Add(x, z) y = Gemm(a, w) }}"
    model = parse(text, w=random(1, 2, 3))
    assert fixed_batch(model) == (None if batch == "N" else batch)
    numbers = np.repeat(np.arange(samples, dtype=np.float32)[:, None], 2, axis=1)
    found = in_batches(model, {"x": numbers, "z": numbers + 100})
    assert [one["x"][:, 1].astype(int).tolist() for one in found] == expected
    assert all((one["z"] == one["x"] + 100).all() for one in found)
