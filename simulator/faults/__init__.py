# SPDX-License-Identifier: Apache-2.0
"""Bit faults at named integer storage: what they are, where they can be, what becomes of them."""

from intaglio.simulator.faults.effects import Effect, apply_model, has_effect
from intaglio.simulator.faults.injection import FaultyRuns, Outcome
from intaglio.simulator.faults.sampling import sample_faults
from intaglio.simulator.faults.sites import Fault, FaultModel, Site, Storage, graph_hash, storages

__all__ = [
    "Effect",
    "Fault",
    "FaultModel",
    "FaultyRuns",
    "Outcome",
    "Site",
    "Storage",
    "apply_model",
    "graph_hash",
    "has_effect",
    "sample_faults",
    "storages",
]
