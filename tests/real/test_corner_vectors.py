# SPDX-License-Identifier: Apache-2.0
"""Corner vectors of real networks hit what can be hit; faults equal runs of changed graphs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.commands.vectors.layers import layers_of
from intaglio.commands.vectors.making import layer_vectors
from intaglio.simulator.faults import (
    FaultModel,
    FaultyRuns,
    Storage,
    sample_faults,
)
from intaglio.simulator.faults.effects import permanent_effect
from intaglio.simulator.vectorized import Program
from tests.simulator.emulated.devices import random_samples

pytestmark = pytest.mark.real

NETWORKS = ("mlperf_tiny/ic01_resnet8_int8.tflite", "mlperf_tiny/kws01_int8.tflite")


@pytest.mark.parametrize("profile", ["tflm", "single-rounding", "ort-x86-vnni"])
@pytest.mark.parametrize("network", NETWORKS)
def test_all_that_can_be_hit_is_hit(real_data: Path, network: str, profile: str) -> None:
    graph = open_fixed(real_data / network, LoweringOptions(profile))
    layers, _ = layers_of(graph)
    hit = reachable = 0
    for layer in layers[::3]:
        vectors = layer_vectors(layer, 0)
        hit += vectors.hit
        reachable += vectors.reachable
    assert hit >= 0.995 * reachable
    assert hit > 150 * len(layers[::3])


@pytest.mark.parametrize("network", NETWORKS)
def test_faults_in_constants(real_data: Path, network: str) -> None:
    graph = open_fixed(real_data / network, LoweringOptions("tflm"))
    samples = random_samples(graph, 2)
    runs = FaultyRuns(graph, samples)
    clean = [Program(graph).run(sample) for sample in samples]
    kinds = [storage for storage in Storage if storage.permanent]
    for fault in sample_faults(graph, kinds, FaultModel.FLIP, 3, 11):
        effect = permanent_effect(graph, fault)
        assert effect is not None
        constants = tuple(
            effect.constant if effect.constant and each.name == effect.constant.name else each
            for each in graph.constants
        )
        nodes = tuple(
            effect.node if effect.node and each.name == effect.node.name else each
            for each in graph.nodes
        )
        program = Program(replace(graph, constants=constants, nodes=nodes))
        for number, sample in enumerate(samples):
            changed = runs.changed_outputs(fault, number)
            for name, array in program.run(sample).items():
                assert np.array_equal(changed.get(name, clean[number][name]), array), fault
