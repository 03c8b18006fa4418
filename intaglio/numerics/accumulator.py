# SPDX-License-Identifier: Apache-2.0
"""Where a sum of products is kept, and what happens when it doesn't fit."""

from dataclasses import dataclass
from enum import Enum

from intaglio.numerics.integers import IntType


class Overflow(Enum):
    """What becomes of a sum that its type can't hold."""

    WRAP = "wrap"
    SATURATE = "saturate"
    SATURATE_EACH_ADD = "saturate-each-add"


class AccumulationOrder(Enum):
    """In which order the terms of one sum are added; part of the meaning of SATURATE_EACH_ADD.

    Terms go by kernel row, then kernel column, then input channel, each ascending; padded positions
    are terms as well.  The bias is the first value in the accumulator, or is added last.
    """

    BIAS_FIRST = "bias-first"
    BIAS_LAST = "bias-last"


@dataclass(frozen=True, slots=True)
class Accumulator:
    """Where products are summed.

    Attributes:
        type: what it holds; also the element type of the result.
        overflow: WRAP keeps the low bits of the exact sum (in any order the same); SATURATE clamps
            the exact sum once; SATURATE_EACH_ADD clamps after every addition, in ``order``.
        order: the order of the additions.
    """

    type: IntType
    overflow: Overflow = Overflow.WRAP
    order: AccumulationOrder = AccumulationOrder.BIAS_FIRST
