# SPDX-License-Identifier: Apache-2.0
"""Inputs that were made, and how making them went."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.outcome import Note


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticSet:
    """Samples for every input of a network.

    Attributes:
        inputs: by input name, ``[samples, ...]``.
        losses: by term ("layers", "input", "classes", ..., "total"), after each iteration; empty
            where nothing was optimized.
        summary: what was made, in a few words.
        notes: the details.
    """

    inputs: Mapping[str, NDArray[np.float32]]
    losses: Mapping[str, tuple[float, ...]]
    summary: str
    notes: tuple[Note, ...] = ()

    @property
    def samples(self) -> int:
        """How many there are."""
        return min((len(array) for array in self.inputs.values()), default=0)
