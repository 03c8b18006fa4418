# SPDX-License-Identifier: Apache-2.0
"""Each term of the loss by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.channel_moments import EPSILON
from intaglio.compiler.synthesis.class_scores import ClassScores
from intaglio.compiler.synthesis.coordinates import Coordinates
from intaglio.compiler.synthesis.distances import TensorTarget
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.losses import Losses
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.sample_correlation import correlation_loss
from tests.compiler.real.building import random
from tests.compiler.synthesis.describing import described

LIKE = torch.zeros((), dtype=torch.float64)
NONE = SynthesisOptions("batch-norm", input_weight=0.0)
SAMPLES = 4
VALUES = {"a": random(1, SAMPLES, 2, 4, 4) * 3, "b": random(2, SAMPLES, 5, 2, 2)}
SCORES = random(3, SAMPLES, 5, 1, 1)
TARGETS = [
    LayerTarget(name, *(np.abs(random(seed, 2, VALUES[name].shape[1])).astype(np.float64)))
    for seed, name in enumerate(VALUES)
]


def terms(
    options: SynthesisOptions,
    z: NDArray[np.float32],
    scores: ClassScores | None = None,
    first: int = 0,
    image: InputDescription | None = None,
) -> dict[str, float]:
    coordinates = {"x": Coordinates.of(image or described(*z.shape[1:]), LIKE)}
    targets = [TensorTarget.of(target, LIKE) for target in TARGETS]
    losses = Losses(options, coordinates, targets, scores)
    values = {
        name: torch.tensor(array).double() for name, array in (VALUES | {"scores": SCORES}).items()
    }
    labels = torch.arange(SAMPLES) % 5
    given, other = (torch.tensor(array).double() for array in (z, random(9, *z.shape)))
    found = losses.terms({"x": given}, values, labels, {"x": other}, first)
    return {name: float(term) for name, term in found.items()}


def layer_distances() -> NDArray[np.float64]:
    """L2, ``[layers, samples]``."""
    rows: list[NDArray[np.float64]] = []
    for target in TARGETS:
        flat = VALUES[target.value].astype(np.float64).reshape(SAMPLES, len(target.mean), -1)
        std = np.sqrt(flat.var(2) + EPSILON) - np.sqrt(target.std**2 + EPSILON)
        rows.append(((flat.mean(2) - target.mean) ** 2 + std**2).sum(1))
    return np.array(rows)


IMAGES = random(5, SAMPLES, 3, 6, 7) * 2 + 1


def test_layers_are_summed_and_samples_averaged() -> None:
    found = terms(NONE, IMAGES)
    assert list(found) == ["layers"]
    np.testing.assert_allclose(found["layers"], layer_distances().sum(0).mean())


@pytest.mark.parametrize("first", [0, 3])
def test_layerwise_weighting_counts_a_layer_for_each_sample_twice(first: int) -> None:
    found = terms(replace(NONE, weighting="layerwise"), IMAGES, first=first)["layers"]
    distances = layer_distances()
    own = [distances[(first + sample) % 2, sample] for sample in range(SAMPLES)]
    np.testing.assert_allclose(found, (distances.sum(0) + own).mean())


def test_statistics_of_a_batch_are_those_of_all_samples_together() -> None:
    found = terms(replace(NONE, statistics="batch"), IMAGES)["layers"]
    expected = 0.0
    for target in TARGETS:
        channels = np.moveaxis(VALUES[target.value].astype(np.float64), 1, 0)
        flat = channels.reshape(len(target.mean), -1)
        std = np.sqrt(flat.var(1) + EPSILON) - np.sqrt(target.std**2 + EPSILON)
        expected += float(((flat.mean(1) - target.mean) ** 2 + std**2).sum())
    np.testing.assert_allclose(found, expected)


def test_the_input_shall_be_standard() -> None:
    found = terms(replace(NONE, input_weight=3.0), IMAGES)["input"]
    flat = IMAGES.astype(np.float64).reshape(SAMPLES, 3, -1)
    expected = (flat.mean(2) ** 2 + (flat.std(2) - 1) ** 2).sum(1).mean()
    np.testing.assert_allclose(found, 3 * expected, rtol=1e-4)


def test_channels_of_the_input_may_be_last() -> None:
    options = replace(NONE, input_weight=1.0, variation_weight=1.0)
    last = np.moveaxis(IMAGES, 1, 3)
    assert described(*last.shape[1:]).channel_axis == 2
    assert terms(options, last) == pytest.approx(terms(options, IMAGES))


def test_the_z_score_of_the_input_is_divided_by_both_spreads() -> None:
    found = terms(replace(NONE, input_weight=1.0, distance="z-score"), IMAGES)["input"]
    flat = IMAGES.astype(np.float64).reshape(SAMPLES, 3, -1)
    scores = np.linalg.norm(flat.mean(2) / np.sqrt(flat.var(2) + 1), axis=1)
    np.testing.assert_allclose(found, scores.mean(), rtol=1e-4)


def test_the_input_gets_no_slack() -> None:
    plain = replace(NONE, input_weight=1.0)
    assert terms(replace(plain, distance="slack"), IMAGES)["input"] == terms(plain, IMAGES)["input"]


def test_vectors_have_no_statistics_of_their_own() -> None:
    assert terms(replace(NONE, input_weight=1.0), random(3, SAMPLES, 7))["input"] == 0


def test_classes_are_asked_for_by_cross_entropy() -> None:
    found = terms(replace(NONE, class_weight=2.0), IMAGES, ClassScores("scores", 5))["classes"]
    scores = SCORES[:, :, 0, 0].astype(np.float64)
    own = scores[np.arange(SAMPLES), np.arange(SAMPLES) % 5]
    entropies = np.logaddexp.reduce(scores, axis=1) - own
    np.testing.assert_allclose(found, 2 * entropies.mean())
    assert "classes" not in terms(replace(NONE, class_weight=2.0), IMAGES)


def test_smooth_and_small_inputs() -> None:
    found = terms(replace(NONE, variation_weight=0.5, l2_weight=0.1), IMAGES)
    z = IMAGES.astype(np.float64)
    variation = (np.diff(z, axis=2) ** 2).mean() + (np.diff(z, axis=3) ** 2).mean()
    np.testing.assert_allclose(found["variation"], 0.5 * variation)
    np.testing.assert_allclose(found["l2"], 0.1 * (z**2).mean())


def test_correlation_counts_as_one_layer() -> None:
    found = terms(replace(NONE, correlation_weight=4.0), IMAGES)["correlation"]
    z, other = (torch.tensor(array).double() for array in (IMAGES, random(9, *IMAGES.shape)))
    assert found == pytest.approx(4 / len(TARGETS) * float(correlation_loss(z, other)))


@pytest.mark.parametrize("rows", [1, 2, 6, 8, 12])
def test_rows_that_are_no_samples_count_all_the_same(rows: int) -> None:
    value, target = random(4, rows, 2, 3, 3), TARGETS[0]
    losses = Losses(NONE, {}, [TensorTarget.of(target, LIKE)], None)
    values = {"a": torch.tensor(value).double()}
    labels = torch.zeros(SAMPLES, dtype=torch.int64)
    found = float(losses.terms({}, values, labels, {}, 0)["layers"])
    flat = value.astype(np.float64).reshape(rows, 2, -1)
    std = np.sqrt(flat.var(2) + EPSILON) - np.sqrt(target.std**2 + EPSILON)
    expected = ((flat.mean(2) - target.mean) ** 2 + std**2).sum(1).mean()
    np.testing.assert_allclose(found, expected)


def test_what_is_watched() -> None:
    targets = [TensorTarget.of(target, LIKE) for target in TARGETS]
    assert Losses(NONE, {}, targets, None).watched == ("a", "b")
    assert Losses(NONE, {}, targets, ClassScores("b", 5)).watched == ("a", "b")
    assert Losses(NONE, {}, targets, ClassScores("y", 5)).watched == ("a", "b", "y")
