# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.ranges.divergence import BINS_A_LEVEL, least_divergence_threshold


def bell(bins: int, spread: float) -> np.ndarray:
    """Counts of half a normal distribution."""
    return np.round(1e6 * np.exp(-0.5 * (np.arange(bins) / spread) ** 2)).astype(np.int64)


def divergence(counts: np.ndarray, threshold: int, levels: int) -> float:
    """By the definition, bin by bin."""
    p = [float(count) for count in counts[:threshold]]
    q = [0.0] * threshold
    for level in range(levels):
        bins = [i for i in range(threshold) if i * levels // threshold == level and p[i] > 0]
        for i in bins:
            q[i] = sum(p[j] for j in bins) / len(bins)
    p[-1] += float(counts[threshold:].sum())
    return sum(
        a / sum(p) * np.log((a / sum(p)) / (b / sum(q))) if b else np.inf
        for a, b in zip(p, q, strict=True)
        if a > 0
    )


@pytest.mark.parametrize("levels", [4, 8, 16])
def test_the_cut_is_the_best_of_all_counts_of_bins(levels: int) -> None:
    counts = bell(200, 40.0)
    used = int(np.flatnonzero(counts)[-1]) + 1
    found = least_divergence_threshold(counts, levels)
    best = min(range(BINS_A_LEVEL * levels, used + 1), key=lambda t: divergence(counts, t, levels))
    assert divergence(counts, found, levels) == pytest.approx(divergence(counts, best, levels))
    assert found < used


def test_a_tolerance_takes_the_widest_that_is_little_worse() -> None:
    counts = bell(200, 40.0)
    used = int(np.flatnonzero(counts)[-1]) + 1
    strict, loose = (least_divergence_threshold(counts, 8, t) for t in (1.0, 1.3))
    assert strict < loose
    allowed = 1.3 * divergence(counts, strict, 8)
    assert divergence(counts, loose, 8) <= allowed
    assert all(divergence(counts, t, 8) > allowed for t in range(loose + 1, used + 1))


def test_far_outliers_are_cut_off() -> None:
    counts = bell(4096, 100.0)
    counts[4095] = 1
    assert least_divergence_threshold(counts, 64) < 700


def test_nothing_is_cut_where_levels_have_few_bins() -> None:
    counts = bell(200, 10.0)
    used = int(np.flatnonzero(counts)[-1]) + 1
    for levels in (used // BINS_A_LEVEL + 1, 65536):
        assert least_divergence_threshold(counts, levels) == used
    assert least_divergence_threshold(np.zeros(10, dtype=np.int64), 4) == 0
