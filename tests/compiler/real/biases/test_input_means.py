# SPDX-License-Identifier: Apache-2.0
"""The mean of an input follows from the means of a layer's result, or is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.real.biases.input_means import InputMean, solve_input_mean
from intaglio.compiler.real.statistics import ChannelStatistics


def noted(mean: list[float], std: list[float] | None = None) -> ChannelStatistics:
    return ChannelStatistics(tuple(mean), tuple(std or [1.0] * len(mean)))


def test_by_hand() -> None:
    # 2 x + 1 = 7 and -x = -3.
    found = solve_input_mean(np.array([[2.0], [-1.0]]), np.array([1.0, 0.0]), 1, noted([7.0, -3.0]))
    assert isinstance(found, InputMean)
    assert found.mean == pytest.approx([3.0])
    assert found.residual == pytest.approx(0.0, abs=1e-12)


@given(seed=st.integers(0, 1000), groups=st.integers(1, 3), inputs=st.integers(1, 3))
def test_finds_the_mean_in_every_group(seed: int, groups: int, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    taps = rng.normal(size=(groups * 4 * inputs, inputs))
    mean, bias = rng.normal(size=(groups, inputs)), rng.normal(size=len(taps))
    result = np.einsum("gmc,gc->gm", taps.reshape(groups, -1, inputs), mean).ravel() + bias
    std = rng.uniform(0.1, 2.0, len(taps))
    found = solve_input_mean(taps, bias, groups, noted(result.tolist(), std.tolist()))
    if isinstance(found, str):  # two columns may happen to be all but parallel
        assert found == "the means of its result don't tell the mean of its input"
        return
    assert found.mean == pytest.approx(mean.ravel(), abs=1e-6)


def test_a_channel_of_small_spread_counts_more() -> None:
    taps, bias = np.ones((2, 1)), np.zeros(2)
    found = solve_input_mean(taps, bias, 1, noted([1.0, 1.05], [0.01, 1.0]))
    assert isinstance(found, InputMean)
    assert found.mean == pytest.approx([1.0], abs=1e-3)


def test_refusals_say_why() -> None:
    two = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert "3 means of its result can't tell 2" in str(
        solve_input_mean(two, np.zeros(3), 1, noted([1.0, 2.0, 3.0]))
    )
    same = np.ones((4, 2))
    assert "don't tell" in str(solve_input_mean(same, np.zeros(4), 1, noted([1.0] * 4)))
    one = np.ones((2, 1))
    assert "(0.50 std off)" in str(solve_input_mean(one, np.zeros(2), 1, noted([1.0, 2.0])))
