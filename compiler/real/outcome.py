# SPDX-License-Identifier: Apache-2.0
"""What a rewrite of the float network returns: the network, and what it did to it."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that a pass did, left alone, or estimated.

    Attributes:
        where: the value or node, by its name in the user's model.
        said: what was done or found there, in words.
        figures: numbers behind the words, for scripts.
    """

    where: str
    said: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rewritten network.

    Attributes:
        model: the network; what was given stays as it was.
        channels: how many channels were changed.
        summary: what was done, in a few words.
        notes: the details, in the order of the network.
    """

    model: ir.Model
    channels: int
    summary: str
    notes: tuple[Note, ...] = ()
