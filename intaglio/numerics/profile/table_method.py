# SPDX-License-Identifier: Apache-2.0
"""A function as a hardware table: samples, an index, perhaps interpolation."""

from dataclasses import dataclass
from enum import Enum

from intaglio.errors import InvalidOption
from intaglio.numerics.profile.ranges import require_within
from intaglio.numerics.rounding import Rounding


class Interpolation(Enum):
    """What lies between two entries."""

    NONE = "none"
    """The entry at or before the code; it is sampled in the middle of its codes."""
    LINEAR = "linear"
    """The line to the next entry; entries are sampled at the first of their codes."""


class Extrapolation(Enum):
    """What lies beyond the entries."""

    HOLD = "hold"
    """The last entry."""
    SLOPE = "slope"
    """The line through the last two."""


@dataclass(frozen=True, slots=True)
class TableMethod:
    """Entries at every 2**step_bits-th code, looked up, interpolated and rounded once.

    See ``intaglio.numerics.sampled_table`` for the equations.

    Attributes:
        entries: how many.
        step_bits: entries are ``2**step_bits`` codes apart.
        interpolation: what lies between them.
        rounding: of the result.
        first: the code of the first entry; where absent the operand's lowest.
        fraction_bits: of each entry, below the result's last place.
        entry_bits: width of the signed entries, which saturate.
        extrapolation: what lies beyond them.
    """

    entries: int
    step_bits: int
    interpolation: Interpolation
    rounding: Rounding
    first: int | None = None
    fraction_bits: int = 0
    entry_bits: int = 16
    extrapolation: Extrapolation = Extrapolation.HOLD

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has, and fields that contradict each other."""
        linear = self.interpolation is Interpolation.LINEAR
        require_within("entries", self.entries, 2 if linear else 1, (1 << 16) + 1)
        require_within("step_bits", self.step_bits, 0, 16)
        require_within("first", self.first or 0, -(1 << 15), (1 << 16) - 1)
        require_within("fraction_bits", self.fraction_bits, 0, 24)
        require_within("entry_bits", self.entry_bits, 2, 32)
        if self.extrapolation is Extrapolation.SLOPE and not linear:
            raise InvalidOption(
                "extrapolation",
                self.extrapolation.value,
                "has no slope where interpolation is none",
                "give hold, or interpolation = linear",
            )
