# SPDX-License-Identifier: Apache-2.0
"""Run a graph on a processor under QEMU and demand the simulator's bits."""

from collections.abc import Mapping, Sequence

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FloatType
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.device import Device
from tests.simulator.engines import assert_same_tensor


def assert_device_agrees(graph: Graph, target: str, samples: Sequence[Mapping[str, Array]]) -> None:
    """Every output of every sample has the bits of the vectorized engine."""
    with Device(graph, target) as device:
        found = device.run(samples)
    for sample, outputs in zip(samples, found, strict=True):
        for name, expected in vectorized.run(graph, sample).items():
            assert_same_tensor(target, name, outputs[name], expected)


def random_samples(graph: Graph, count: int, seed: int = 0) -> list[dict[str, Array]]:
    """Codes of every value that each input's type has, alike; float32 about 0."""
    generator = np.random.default_rng(seed)
    return [
        {value.name: _random(generator, graph, value.name) for value in graph.inputs}
        for _ in range(count)
    ]


def _random(generator: np.random.Generator, graph: Graph, name: str) -> Array:
    type = graph.type_of(name)
    if isinstance(type.element, FloatType):
        return generator.normal(0, 10, type.shape).astype(np.float32)
    low, high = type.integer.minimum, type.integer.maximum
    return generator.integers(low, high, type.shape, endpoint=True, dtype=type.integer.dtype)
