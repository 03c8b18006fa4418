# SPDX-License-Identifier: Apache-2.0
"""What an importer expects of a node, said once: the error and the table of ops both read it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from intaglio.frontends.refusal import Refusal

Site = TypeVar("Site")
"""What a frontend calls one node together with what it has read so far."""


@dataclass(frozen=True, slots=True)
class Constraint(Generic[Site]):
    """One expectation.

    Attributes:
        expected: what must hold, as a phrase: "constant weights".
        violation: what was found where it doesn't hold, as a phrase, or None.
    """

    expected: str
    violation: Callable[[Site], str | None]


def expects(
    expected: str,
) -> Callable[[Callable[[Site], str | None]], Constraint[Site]]:
    """Make a constraint of the function that finds its violation."""

    def decorate(violation: Callable[[Site], str | None]) -> Constraint[Site]:
        return Constraint(expected, violation)

    return decorate


def require(site: Site, constraints: Iterable[Constraint[Site]]) -> None:
    """Hold a node against what is expected of it.

    Raises:
        Refusal: the first constraint that it violates: what was found, what was expected.
    """
    for constraint in constraints:
        found = constraint.violation(site)
        if found is not None:
            raise Refusal(f"{found}; expected {constraint.expected}")
