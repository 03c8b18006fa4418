# SPDX-License-Identifier: Apache-2.0
from math import inf, nan
from typing import Any

import pytest

from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.errors import InvalidOption


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synthetic_samples", 0),
        ("iterations", -1),
        ("seed", -1),
        ("learning_rate", 0.0),
        ("learning_rate", nan),
        ("learning_rate", inf),
        ("slack_quantile", 1.1),
        ("slack_quantile", nan),
        ("input_weight", -1.0),
        ("class_weight", nan),
        ("variation_weight", inf),
        ("l2_weight", -0.1),
        ("correlation_weight", nan),
    ],
)
def test_numbers_out_of_bounds_are_refused(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(InvalidOption, match=rf"{name} .*out of bounds; choose"):
        SynthesisOptions(**given)


def test_the_ends_of_bounds_are_allowed() -> None:
    SynthesisOptions(synthetic_samples=1, iterations=0, seed=0, slack_quantile=0.0)
    SynthesisOptions(slack_quantile=1.0, input_weight=0.0)


def test_samples_of_a_batch_have_no_layers_of_their_own() -> None:
    with pytest.raises(InvalidOption, match=r"weighting layerwise: .*choose statistics=sample"):
        SynthesisOptions("batch-norm", weighting="layerwise", statistics="batch")


def test_classes_alone_must_count() -> None:
    with pytest.raises(InvalidOption, match=r"class_weight 0.*choose a number above 0"):
        SynthesisOptions("classes")
    assert SynthesisOptions("classes", class_weight=0.1).class_weight == 0.1
