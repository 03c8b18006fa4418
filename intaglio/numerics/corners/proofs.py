# SPDX-License-Identifier: Apache-2.0
"""Why a corner can't be hit."""

from dataclasses import dataclass

from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class NothingThere:
    """No accumulator meets the conditions that come before the event, such as the sign."""

    condition: str

    def __str__(self) -> str:
        """One sentence."""
        return f"no accumulator has {self.condition}"


@dataclass(frozen=True, slots=True)
class NoResidue:
    """On each piece, ``(slope t + offset) mod modulus`` avoids ``window`` for all ``t`` of it.

    Solved exactly: by the inverse of the slope modulo the modulus where the window is one residue,
    else by the continued fraction of ``slope / modulus``.
    """

    pieces: tuple["Congruence", ...]

    def __str__(self) -> str:
        """One sentence, about the first piece."""
        first = self.pieces[0]
        more = f", nor on {len(self.pieces) - 1} more pieces" if len(self.pieces) > 1 else ""
        return f"{first}{more}"


@dataclass(frozen=True, slots=True)
class Congruence:
    """The statement about one piece."""

    slope: int
    offset: int
    modulus: int
    window: Interval
    variables: Interval

    def __str__(self) -> str:
        """One sentence."""
        wanted = (
            f"{self.window.low}"
            if self.window.width == 0
            else f"{self.window.low}..{self.window.high}"
        )
        return (
            f"{self.slope} t + {self.offset} modulo {self.modulus} is never {wanted} "
            f"for t in {self.variables}"
        )


@dataclass(frozen=True, slots=True)
class StepsOver:
    """The result passes from one side of what is wanted to the other between two neighbours."""

    before: int
    after: int

    def __str__(self) -> str:
        """One sentence."""
        return f"the result steps over it between accumulators {self.before} and {self.after}"


@dataclass(frozen=True, slots=True)
class EndsBefore:
    """The result is monotone, and at the last accumulator it has not come so far."""

    accumulator: int
    result: int

    def __str__(self) -> str:
        """One sentence."""
        return f"the result goes no farther than {self.result}, at accumulator {self.accumulator}"


@dataclass(frozen=True, slots=True)
class NeverRounds:
    """The stage discards nothing, or the mode never rounds so."""

    why: str

    def __str__(self) -> str:
        """One sentence."""
        return self.why


@dataclass(frozen=True, slots=True)
class AllTried:
    """Every place where it could happen was looked at."""

    places: int

    def __str__(self) -> str:
        """One sentence."""
        return f"it happens at none of {self.places} places, all tried"


Proof = NothingThere | NoResidue | StepsOver | EndsBefore | NeverRounds | AllTried
