# SPDX-License-Identifier: Apache-2.0
"""Networks of MLPerf Tiny in strips: less than six tenths of the arena, and the same bits."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.lifetimes import arena_plan
from intaglio.compiler.targets.tvm.schedule import steps
from intaglio.compiler.targets.tvm.tiling import tiled
from intaglio.simulator import vectorized
from tests.simulator.emulated.devices import random_samples

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["ic01_resnet8", "vww01"])
def test_strips_save_memory_and_no_bit(name: str, real_data: Path) -> None:
    path = real_data / "mlperf_tiny" / f"{name}_int8.tflite"
    graph = interface(open_fixed(path, LoweringOptions("tflm", None, {})), Borders.CODES).graph
    found = tiled(graph, [0] * len(steps(graph)), None, 0.25)
    assert found is not None
    assert found.extra <= 0.25
    assert arena_plan(found.graph).size < 0.6 * arena_plan(graph).size
    for sample in random_samples(graph, 3):
        expected = vectorized.run(graph, sample)
        for output, given in vectorized.run(found.graph, sample).items():
            assert np.array_equal(given, expected[output])
