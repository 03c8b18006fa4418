# SPDX-License-Identifier: Apache-2.0
"""Accumulators at the corners of a requantizer: solved for, or proved not to exist."""

from intaglio.numerics.corners.bins import Bin, Corner, Corners, Event, Impossible
from intaglio.numerics.corners.corners import corner_accumulators
from intaglio.numerics.corners.proofs import Proof

__all__ = ["Bin", "Corner", "Corners", "Event", "Impossible", "Proof", "corner_accumulators"]
