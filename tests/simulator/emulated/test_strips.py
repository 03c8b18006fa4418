# SPDX-License-Identifier: Apache-2.0
"""A network in strips gives the simulator's bits of the whole one on processors under QEMU."""

import numpy as np
import pytest

from intaglio.compiler.targets.tvm.tiling import tiled
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.device import Device
from tests.compiler.targets.tvm.test_tiling import network, no_scratch
from tests.simulator.emulated.devices import random_samples

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "cortex-m55", "aarch64+dotprod"])
def test_strips_have_the_bits_of_whole_planes(target: str) -> None:
    graph = network()
    found = tiled(graph, no_scratch(graph), 8_000)
    assert found is not None
    samples = random_samples(graph, 2)
    with Device(found.graph, target) as device:
        outputs = device.run(samples)
    for sample, given in zip(samples, outputs, strict=True):
        assert np.array_equal(given["y"], vectorized.run(graph, sample)["y"])
