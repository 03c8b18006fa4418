# SPDX-License-Identifier: Apache-2.0
"""Observed: what the accumulators and clamps of a fixed graph do over a data set."""

from intaglio.simulator.statistics.counts import (
    AccumulatorStatistics,
    CodeStatistics,
    Observation,
    OverflowCounts,
    Statistics,
)
from intaglio.simulator.statistics.definition import observe
from intaglio.simulator.statistics.program import ObservedProgram, overflow_counts

__all__ = [
    "AccumulatorStatistics",
    "CodeStatistics",
    "Observation",
    "ObservedProgram",
    "OverflowCounts",
    "Statistics",
    "observe",
    "overflow_counts",
]
