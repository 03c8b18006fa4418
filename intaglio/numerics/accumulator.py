# SPDX-License-Identifier: Apache-2.0
"""How products are summed: what is kept of each, in which order, and what happens on overflow."""

from dataclasses import dataclass
from enum import Enum

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, shift_right

MOST_DROPPED_BITS = 62
"""A product of 64 bits keeps two."""


class Overflow(Enum):
    """What becomes of a sum that its type can't hold."""

    WRAP = "wrap"
    SATURATE = "saturate"
    SATURATE_EACH_ADD = "saturate-each-add"
    TRAP = "trap"

    @property
    def ordered(self) -> bool:
        """Whether every single addition matters, and so their order."""
        return self in (Overflow.SATURATE_EACH_ADD, Overflow.TRAP)


class Trapped(ArithmeticError):
    """A sum left the type of an accumulator that traps; engines say in which node."""


class AccumulationOrder(Enum):
    """In which order the terms of one sum are added; part of the meaning of ordered overflow.

    Terms go by kernel row, then kernel column, then input channel, each ascending; padded positions
    are terms as well.  The bias is the first value in the accumulator, or is added last.
    """

    BIAS_FIRST = "bias-first"
    BIAS_LAST = "bias-last"


class Reduction(Enum):
    """How the terms of a partial sum meet.

    CHAIN adds one after another to a register that starts at zero.  TREE adds neighbours, the
    first to the second, the third to the fourth, and the sums likewise, level by level; the last
    one of an odd number goes to the next level as it is.
    """

    CHAIN = "chain"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class ProductTruncation:
    """``term = round(product / 2**dropped_bits)``: a multiplier array without its low columns.

    Raises:
        InvalidOption: ``dropped_bits`` isn't within 1..62.
    """

    dropped_bits: int
    rounding: Rounding = Rounding.FLOOR

    def __post_init__(self) -> None:
        """Refuse to drop what no product has."""
        if not 1 <= self.dropped_bits <= MOST_DROPPED_BITS:
            raise InvalidOption(
                "dropped_bits",
                self.dropped_bits,
                f"is not within 1..{MOST_DROPPED_BITS}",
                "leave the truncation out where nothing is dropped",
            )

    def apply(self, product: int) -> int:
        """What is kept of one product."""
        return shift_right(product, self.dropped_bits, self.rounding)

    def terms(self, products: Interval) -> Interval:
        """What is kept of products within an interval: rounding is monotone."""
        return Interval(self.apply(products.low), self.apply(products.high))


@dataclass(frozen=True, slots=True)
class PartialSums:
    """Sums of consecutive terms in registers of their own, each then added to the accumulator.

    Attributes:
        length: terms of one partial sum, the last may have fewer; 0 for all terms of the sum.
        type: what the registers hold.
        overflow: as ``Accumulator.overflow``, for these registers.
        reduction: how the terms meet.

    Raises:
        InvalidOption: the length is negative.
    """

    length: int
    type: IntType
    overflow: Overflow = Overflow.WRAP
    reduction: Reduction = Reduction.CHAIN

    def __post_init__(self) -> None:
        """Refuse a length that no tile has."""
        if self.length < 0:
            raise InvalidOption(
                "partial sums' length", self.length, "is negative", "give 0 for all terms"
            )

    def lengths(self, terms: int) -> tuple[int, ...]:
        """How many terms each partial sum of ``terms`` terms has."""
        if terms == 0:
            return ()
        each = min(self.length or terms, terms)
        whole, rest = divmod(terms, each)
        return (each,) * whole + ((rest,) if rest else ())


@dataclass(frozen=True, slots=True)
class Accumulator:
    """Where products are summed.

    Terms are the products, truncated where ``truncation`` says so; ``partial_sums`` sums them in
    tiles first, whose sums then are the terms.

    Attributes:
        type: what it holds; also the element type of the result.
        overflow: WRAP keeps the low bits of the exact sum (in any order the same); SATURATE clamps
            the exact sum once; SATURATE_EACH_ADD clamps after every addition, in ``order``; TRAP
            ends the run where an addition, in ``order``, leaves the type.
        order: the order of the additions.
        truncation: what is dropped of every product; None for nothing.
        partial_sums: the registers before the accumulator; None for none.
    """

    type: IntType
    overflow: Overflow = Overflow.WRAP
    order: AccumulationOrder = AccumulationOrder.BIAS_FIRST
    truncation: ProductTruncation | None = None
    partial_sums: PartialSums | None = None

    @property
    def plain(self) -> bool:
        """Whether the terms are the exact products, and go into the accumulator themselves."""
        return self.truncation is None and self.partial_sums is None

    @property
    def any_order(self) -> bool:
        """Whether the order of the terms leaves the sum as it is."""
        return not self.overflow.ordered and self.partial_sums is None

    @property
    def traps(self) -> bool:
        """Whether an overflow ends the run."""
        partial = self.partial_sums
        return self.overflow is Overflow.TRAP or (
            partial is not None and partial.overflow is Overflow.TRAP
        )
