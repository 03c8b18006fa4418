# SPDX-License-Identifier: Apache-2.0
"""Damaged files: a graph that keeps the rules, or one of our errors, and nothing else."""

from collections import Counter

import numpy as np
import pytest

from intaglio.compiler.ir.verify import verify
from intaglio.errors import IntaglioError
from intaglio.frontends.tflite import import_tflite
from tests.frontends.tflite.small_models import branching, convolutional

MODELS = (convolutional(), branching())
MUTATIONS = 1000
_WORDS = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\0\0\0\x80")


@pytest.mark.parametrize("model", MODELS)
def test_the_models_themselves_are_taken(model: bytes) -> None:
    assert verify(import_tflite(model, "whole")) == ()


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
def test_a_mutation_is_taken_or_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    for number in range(MUTATIONS):
        outcomes[_outcome(_mutated(rng, MODELS[number % len(MODELS)]))] += 1
    # Each kind of outcome occurs, so that each was tried.
    assert outcomes.keys() == {"InvalidFile", "UnsupportedModel", "taken"}


def _outcome(content: bytes) -> str:
    try:
        graph = import_tflite(content, "mutated")
    except IntaglioError as error:
        return type(error).__name__ if str(error).startswith("mutated") else str(error)
    return "taken" if verify(graph) == () else "invalid"


def _mutated(rng: np.random.Generator, model: bytes) -> bytes:
    content = bytearray(model)
    match int(rng.integers(0, 3)):
        case 0:
            return bytes(content[: rng.integers(0, len(content))])
        case 1:
            for _ in range(rng.integers(1, 4)):
                content[rng.integers(0, len(content))] ^= 1 << int(rng.integers(0, 8))
        case _:
            at = int(rng.integers(0, len(content) - 4))
            content[at : at + 4] = (*_WORDS, rng.bytes(4))[rng.integers(0, 5)]
    return bytes(content)
