# SPDX-License-Identifier: Apache-2.0
"""Where to cut a histogram so that few levels say most of it: Kullback-Leibler divergence."""

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.parameters import Reals

Counts = NDArray[np.int64]

_CANDIDATES = 256
BINS_A_LEVEL = 8


def least_divergence_threshold(counts: Counts, levels: int, tolerance: float = 1.0) -> int:
    """After how many bins to cut, from zero on.

    For each candidate t, P is the histogram of the first t bins with everything beyond added to the
    last of them, and Q is what ``levels`` levels keep of the first t bins: bin i belongs to level
    floor(i * levels / t), and each level's count is spread evenly over those of its bins that
    aren't empty. The result is the largest t with KL(P, Q) <= tolerance * min over t of KL(P, Q).

    Candidates are at most 256 counts of bins, from 8 a level on (with one bin a level rounding
    would seem to cost nothing, and too much would be cut) up to the last bin that isn't empty.
    Where that isn't more than 8 a level, nothing is cut.

    Args:
        counts: ``[bins]``, of |x| or of x >= 0; exact zeros, which every code keeps, left out.
        levels: how many there are from zero on.
        tolerance: at least 1.

    Source: Migacz, 8-bit Inference with TensorRT (GTC 2017); the tolerance as in Zeng, Hu and Wu's
    entry to the NeurIPS 2019 MicroNet challenge.
    """
    used = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 0
    least = BINS_A_LEVEL * levels
    if used <= least:
        return used
    candidates = np.unique(np.linspace(least, used, _CANDIDATES).astype(np.int64))
    found = [_divergence(counts, int(t), levels) for t in candidates]
    allowed = tolerance * min(found)
    return int(candidates[np.flatnonzero(np.array(found) <= allowed)[-1]])


def _divergence(counts: Counts, threshold: int, levels: int) -> float:
    kept = counts[:threshold].astype(np.float64)
    full = kept.sum()
    if full == 0:
        return np.inf
    p = kept.copy()
    p[-1] += counts[threshold:].sum()
    level = np.arange(threshold) * levels // threshold
    filled = (kept > 0).astype(np.float64)
    share = np.bincount(level, kept, levels) / np.maximum(np.bincount(level, filled, levels), 1)
    q: Reals = share[level] * filled
    if q[-1] == 0 and p[-1] > 0:
        return np.inf
    inside = p > 0
    p, q = p[inside] / p.sum(), q[inside] / full
    return float((p * np.log(p / q)).sum())
