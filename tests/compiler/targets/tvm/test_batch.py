# SPDX-License-Identifier: Apache-2.0
"""A sample's bits don't depend on how many samples are compiled to run together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm import work
from intaglio.compiler.targets.tvm.machine import host
from tests.compiler.targets.tvm.sharing import SharedNetwork, parts
from tests.simulator.compiled.test_vector_shapes import Shape, convolution, random_codes

SHAPES = {
    "padded": Shape(),
    "pointwise": Shape(kernel=(1, 1), pads=(0, 0, 0, 0), side=(5, 7)),
    "depthwise": Shape(channels=37, outputs=0, side=(7, 5)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("threads", [1, 3])
def test_four_samples_together_and_one_by_one(
    name: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LEAST_SHARED", 0)
    share = parts(threads) if threads > 1 else None
    together = convolution(replace(SHAPES[name], batch=4))
    x = random_codes(together.inputs[0].type)

    def run(batch: int, given: Array) -> Array:
        graph = convolution(replace(SHAPES[name], batch=batch))
        network = SharedNetwork(graph, tmp_path / str(batch), host())
        found = [network.run({"x": each}, share) for each in np.split(given, 4 // batch)]
        return np.concatenate([outputs[graph.outputs[0]] for outputs in found])

    np.testing.assert_array_equal(run(4, x), run(1, x))
