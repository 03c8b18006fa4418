# SPDX-License-Identifier: Apache-2.0
"""How one kind of operator is read: what it becomes, what it expects, and the function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from intaglio.frontends.constraints import Constraint, require

Site = TypeVar("Site")
Results = TypeVar("Results", covariant=True)

MOVE = "move"
COMPARISON = "comparison"
BORDER = "border"
BOUND = "bound"
STEPS = "steps"
TAIL = "tail"
KNOWN = "known"

WITHOUT_RULE = {
    MOVE: "codes in another order, none of them changed",
    COMPARISON: "the largest or smallest of some codes, or its index",
    BORDER: "float32 becomes codes, or codes float32, at an input or an output",
    BOUND: "a bound of the operator in front or behind, in the codes of the result",
    STEPS: "float32 operations between codes, done as thresholds",
    TAIL: "float32 behind the last codes",
    KNOWN: "numbers that follow from the file",
}
"""What an operator becomes where no rule of a profile is asked for; by word, what that means."""


@dataclass(frozen=True, slots=True)
class Reader(Generic[Site, Results]):
    """How one kind of operator is read.

    Attributes:
        read: makes its results; called where no constraint is violated.
        becomes: the words of the profiles' rules (``RULE_OPS``) that it may ask for, and those of
            ``WITHOUT_RULE``; none where it is left out.
        constraints: what it expects of the operator.
    """

    read: Callable[[Site], Results]
    becomes: tuple[str, ...]
    constraints: tuple[Constraint[Site], ...] = ()

    def __call__(self, site: Site) -> Results:
        """Its results.

        Raises:
            Refusal: the operator isn't as expected.
        """
        require(site, self.constraints)
        return self.read(site)
