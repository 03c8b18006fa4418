# SPDX-License-Identifier: Apache-2.0
"""Elementwise integer ops.  Two operands broadcast as in NumPy; results are exact."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.pairs import PairArithmetic
from intaglio.numerics.requantizers import Requantizer


@dataclass(frozen=True, slots=True)
class Requantize:
    """y = requantizer(x): one for the whole tensor, or one for each index of the last axis."""

    requantizers: tuple[Requantizer, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """y = table[x - min(x.type)], or table[c, x - min(x.type)] with c the last axis.

    Operands: x, and a constant table ``[2**bits]`` or ``[C, 2**bits]``.
    """


@dataclass(frozen=True, slots=True)
class Pairwise:
    """y = arithmetic(x1, x2): a two-input arithmetic with scales, rounding and clamp of its own."""

    arithmetic: PairArithmetic


@dataclass(frozen=True, slots=True)
class Add:
    """y = x1 + x2; the result type contains every sum."""


@dataclass(frozen=True, slots=True)
class Subtract:
    """y = x1 - x2; the result type contains every difference."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """y = (x1 - left_zero_point) * (x2 - right_zero_point); the type contains every product."""

    left_zero_point: int = 0
    right_zero_point: int = 0


@dataclass(frozen=True, slots=True)
class Minimum:
    """y = min(x1, x2)."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """y = max(x1, x2)."""


@dataclass(frozen=True, slots=True)
class Clamp:
    """y = min(max(x, low), high): one pair of bounds, or one for each index of the last axis."""

    low: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """y = x in the result's type, wrapped (low bits kept) or saturated.

    Raises:
        InvalidOption: it should trap: only sums do.
    """

    overflow: Overflow

    def __post_init__(self) -> None:
        """Refuse what no machine's conversion does."""
        if self.overflow is Overflow.TRAP:
            raise InvalidOption("cast", self.overflow.value, "is no conversion", "wrap or saturate")
