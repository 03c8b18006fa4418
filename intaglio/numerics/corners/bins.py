# SPDX-License-Identifier: Apache-2.0
"""The corners of a requantizer by name, and what became of each: hit, impossible or undecided."""

from dataclasses import dataclass
from enum import Enum

from intaglio.numerics.corners.proofs import Proof


class Event(Enum):
    """What happens at an accumulator.

    The first group compares what a rounding stage discards, a fraction of the last kept bit, with
    zero, one half and one; the nearest reachable values beside these count as corners too.
    """

    EXACT = "exact"
    ABOVE_INTEGER = "least above an integer"
    BELOW_HALF = "nearest below a half"
    TIE_ON_EVEN = "tie, even floor"
    TIE_ON_ODD = "tie, odd floor"
    ABOVE_HALF = "nearest above a half"
    BELOW_INTEGER = "nearest below an integer"
    CARRY = "rounds up through ones"
    """A floor that ends in ``0`` and k ones is rounded up: the carry runs through k bits."""

    LOW_CLAMPED = "one below the low clamp"
    LOW_REACHED = "the low clamp exactly"
    LOW_INSIDE = "one above the low clamp"
    HIGH_INSIDE = "one below the high clamp"
    HIGH_REACHED = "the high clamp exactly"
    HIGH_CLAMPED = "one above the high clamp"
    ZERO_POINT = "the zero point exactly"

    LOWEST = "lowest"
    HIGHEST = "highest"
    ZERO = "zero"
    MINUS_ONE = "minus one"
    PLUS_ONE = "plus one"

    WITHIN_WORD = "last within the word"
    LEAVES_WORD = "first beyond the word"

    STEP = "on a step"
    BELOW_STEP = "one below a step"


@dataclass(frozen=True, slots=True, order=False)
class Bin:
    """One corner: at which stage, what, and which of its kind.

    Attributes:
        stage: the stage of the arithmetic, such as ``shift`` or ``clamp``.
        event: what happens there.
        which: ``negative`` or ``positive`` (of the number that is rounded), ``first`` or ``last``
            (of the accumulators with one result), ``3 bits``, ``step 7``; empty where there is one.
    """

    stage: str
    event: Event
    which: str = ""

    def __str__(self) -> str:
        """Write ``stage: event, which``."""
        return f"{self.stage}: {self.event.value}" + (f", {self.which}" if self.which else "")


@dataclass(frozen=True, slots=True)
class Corner:
    """A bin that is hit, and an accumulator that hits it."""

    bin: Bin
    accumulator: int


@dataclass(frozen=True, slots=True)
class Impossible:
    """A bin that no accumulator of the interval can hit, and why."""

    bin: Bin
    proof: Proof


Outcome = Corner | Impossible
"""What a solver makes of a bin."""


@dataclass(frozen=True, slots=True)
class Corners:
    """All bins of one requantizer on a set of accumulators.

    Attributes:
        hits: an accumulator for each bin that can be hit.
        impossible: the bins that are proved impossible.
        undecided: the bins whose search was given up; neither hit nor proved.
    """

    hits: tuple[Corner, ...]
    impossible: tuple[Impossible, ...]
    undecided: tuple[Bin, ...] = ()

    @property
    def accumulators(self) -> tuple[int, ...]:
        """The accumulators that hit all bins that can be hit, ascending, each once."""
        return tuple(sorted({hit.accumulator for hit in self.hits}))

    @property
    def reachable(self) -> int:
        """How many bins aren't proved impossible."""
        return len(self.hits) + len(self.undecided)
