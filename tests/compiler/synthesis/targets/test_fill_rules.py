# SPDX-License-Identifier: Apache-2.0
"""The seven fill rules, and where the paper's choice differs between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.synthesis.targets.fill_rules import Fill, FillRule, adjust, filler

RULES: dict[FillRule, float] = {
    "min": 1.0,
    "mean-min": 2.0,
    "mean": 3.0,
    "mean+min": 4.0,
    "max-mean": 3.0,
    "max+mean": 9.0,
    "max": 6.0,
}


@pytest.mark.parametrize(("rule", "expected"), RULES.items())
def test_each_rule_is_what_its_name_says(rule: FillRule, expected: float) -> None:
    assert filler(np.array([1.0, 2.0, 6.0]), rule) == expected


def test_expansion_keeps_what_there_is_and_contraction_replaces_all() -> None:
    mean, std = np.array([-1.0, 3.0]), np.array([1.0, 2.0])
    more = adjust(mean, std, 4, "paper")
    np.testing.assert_array_equal(more, [[-1.0, 3.0, 1.0, 1.0], [1.0, 2.0, 1.5, 1.5]])
    np.testing.assert_array_equal(adjust(mean, std, 1, "paper"), [[1.0], [2.5]])
    np.testing.assert_array_equal(adjust(mean, std, 1, "max"), [[3.0], [2.0]])
    np.testing.assert_array_equal(adjust(mean, std, 3, "min"), [[-1.0, 3.0, -1.0], [1.0, 2.0, 1.0]])


@given(
    std=st.lists(st.floats(0, 1e6), min_size=1, max_size=8),
    channels=st.integers(1, 12),
    fill=st.sampled_from([*RULES, "paper"]),
)
def test_no_rule_makes_a_standard_deviation_negative(
    std: list[float], channels: int, fill: Fill
) -> None:
    _, adjusted = adjust(np.zeros(len(std)), np.array(std), channels, fill)
    assert adjusted.shape == (channels,)
    # A mean may lie below the least of equal numbers by a rounding.
    assert (adjusted >= -1e-9 * max(std)).all()
