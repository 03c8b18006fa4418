# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.sample_weighting import weighted
from tests.compiler.real.building import random


def test_layerwise_weighting_is_the_matrix_of_the_paper() -> None:
    layers = 5
    distances = np.abs(random(0, layers, layers))
    # Row k is sample k: X = I + 1 1^T, times the distances of that sample's layers.
    matrix = np.eye(layers) + np.ones((layers, layers))
    expected = (matrix * distances.T).sum(1)
    found = weighted(torch.tensor(distances), "layerwise", 0)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 20))
def test_each_sample_counts_its_own_layer_twice(layers: int, samples: int, first: int) -> None:
    distances = np.abs(random(layers, layers, samples))
    uniform = weighted(torch.tensor(distances), "uniform", first).numpy()
    layerwise = weighted(torch.tensor(distances), "layerwise", first).numpy()
    np.testing.assert_allclose(uniform, distances.sum(0), rtol=1e-5)
    own = [distances[(first + sample) % layers, sample] for sample in range(samples)]
    np.testing.assert_allclose(layerwise - uniform, own, rtol=1e-4, atol=1e-5)


def test_samples_count_the_same_layers_however_they_are_split() -> None:
    distances = torch.tensor(np.abs(random(1, 3, 7)))
    split = [weighted(distances[:, :4], "layerwise", 0), weighted(distances[:, 4:], "layerwise", 4)]
    torch.testing.assert_close(torch.cat(split), weighted(distances, "layerwise", 0))
