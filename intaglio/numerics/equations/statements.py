# SPDX-License-Identifier: Apache-2.0
"""Statements with constants that have names, and what the constants are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Number = int | float | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Equations:
    """What is computed, one statement after another.

    Attributes:
        statements: each ``name = expression``.
        constants: the numbers that names stand for which no statement defines; operands aside.
            A float is exact, and is a binary32 or binary64.
    """

    statements: tuple[str, ...]
    constants: Mapping[str, Number] = field(default_factory=dict[str, Number])

    def then(self, other: "Equations") -> "Equations":
        """These, and others behind them."""
        return Equations(
            (*self.statements, *other.statements), {**self.constants, **other.constants}
        )
